//! Chromium by its command line: what it shows of a page, what it complains about, how it looks.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use tempfile::TempDir;

/// What the browser is called; `xtask` looks for the same names.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// A browser that takes longer hangs, on however slow a machine.
const DEADLINE: Duration = Duration::from_secs(240);

/// Measures a page in frames of the widths that are asked for.
const MEASURE: &str = include_str!("measure.js");

/// What the reader asked their system for.
#[derive(Clone, Copy, Debug)]
pub enum Scheme {
    Light,
    Dark,
}

/// A Chromium.
pub struct Browser {
    name: &'static str,
}

/// A page as it was opened.
pub struct Opened {
    /// What became of it, as HTML.
    pub dom: String,
    /// What the console said.
    pub console: Vec<String>,
}

/// What a page looks like in a window of some width.
#[derive(Deserialize)]
pub struct View {
    /// The window's width, in CSS pixels.
    pub width: u32,
    /// The title.
    pub title: String,
    /// The sections that can be seen.
    pub sections: Vec<String>,
    /// Elements that reach out of the window.
    pub too_wide: Vec<String>,
    /// Texts whose colour is too near to what they stand on.
    pub too_pale: Vec<String>,
    /// Elements that a report never has.
    pub foreign: Vec<String>,
    /// Charts that can be seen.
    pub charts: u32,
    /// The smallest text in them, in CSS pixels.
    pub least_text: f64,
    /// What everything stands on.
    pub background: String,
}

impl Browser {
    pub fn find() -> Self {
        let runs = |name: &&str| {
            Command::new(name)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        let name = NAMES.into_iter().find(runs).expect(
            "this test needs Chromium: `sudo apt-get install --no-install-recommends chromium`",
        );
        Self { name }
    }

    /// Opens a page and says what became of it.
    pub fn open(&self, page: &str, scheme: Scheme) -> Opened {
        let folder = folder(page);
        let arguments = ["--enable-logging=stderr", "--dump-dom"];
        let (dom, log) = self.run(folder.path(), scheme, &arguments);
        let console = log.lines().filter(|line| line.contains(":CONSOLE"));
        Opened {
            dom,
            console: console.map(str::to_owned).collect(),
        }
    }

    /// A picture of the top of a page, as PNG.
    pub fn screenshot(&self, page: &str, scheme: Scheme, (width, height): (u32, u32)) -> Vec<u8> {
        let folder = folder(page);
        let picture = folder.path().join("page.png");
        let size = format!("--window-size={width},{height}");
        let to = format!("--screenshot={}", picture.display());
        self.run(folder.path(), scheme, &["--hide-scrollbars", &size, &to]);
        fs::read(picture).expect("a picture")
    }

    /// Runs it to its end; what it printed on standard output and on standard error.
    fn run(&self, folder: &Path, scheme: Scheme, arguments: &[&str]) -> (String, String) {
        let (stdout, stderr) = (folder.join("stdout"), folder.join("stderr"));
        let mut child = Command::new(self.name)
            // Its own sandbox needs what containers and root do not have; the pages are ours.
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-background-networking"])
            .args(["--disable-dev-shm-usage", "--virtual-time-budget=10000"])
            .arg(format!(
                "--user-data-dir={}",
                folder.join("profile").display()
            ))
            .arg(match scheme {
                Scheme::Light => "--blink-settings=preferredColorScheme=1",
                Scheme::Dark => "--blink-settings=preferredColorScheme=0",
            })
            .args(arguments)
            .arg(format!("file://{}", folder.join("page.html").display()))
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).expect("a file"))
            .stderr(File::create(&stderr).expect("a file"))
            .spawn()
            .expect("it starts");
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            if started.elapsed() > DEADLINE {
                child.kill().ok();
                child.wait().ok();
                panic!("Chromium hangs: {}", read(&stderr));
            }
            thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}: {}", read(&stderr));
        (read(&stdout), read(&stderr))
    }
}

/// A folder of its own with the page in it.
fn folder(page: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("page.html"), page).expect("a file");
    folder
}

fn read(path: &PathBuf) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()
}

/// What a page looks like in windows of these widths. A page that forbids scripts cannot measure
/// itself, so one beside it looks into frames that hold it.
pub fn measure(browser: &Browser, page: &str, scheme: Scheme, widths: &[u32]) -> Vec<View> {
    // As JavaScript, and with nothing in it that HTML would understand.
    let script = |value: serde_json::Value| value.to_string().replace('<', "\\u003c");
    let around = format!(
        "<!DOCTYPE html><meta charset=utf-8><meta name=color-scheme content='light dark'>\
         <pre id=views></pre><script>const page = {}, widths = {};\n{MEASURE}</script>",
        script(page.into()),
        script(widths.into()),
    );
    let dom = browser.open(&around, scheme).dom;
    let views = dom
        .split_once("<pre id=\"views\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"))
        .unwrap_or_else(|| panic!("no views in {dom}"))
        .0;
    let views: Vec<View> =
        serde_json::from_str(views).unwrap_or_else(|error| panic!("{error}: {views}"));
    assert_eq!(views.len(), widths.len());
    views
}
