//! Energy in joules, from the machine's own counters.
//!
//! Two kinds of counter are read: processor packages, which Linux lists under powercap, and NVIDIA
//! graphics cards, through NVML. A counter covers the whole machine, so a reading includes all that
//! ran at the time. A figure per inference is only meaningful where nothing else runs. Without a
//! counter that this user may read, the report gives the reason and no figure; nothing is
//! estimated.

mod nvml;
mod powercap;

use std::{io, path::PathBuf};

use nvml::Nvml;
use powercap::Package;

pub use powercap::ROOT as POWERCAP;

/// Why no energy can be reported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine has neither kind of counter.
    #[error(
        "no energy counter on this machine: `{}` lists no processor package and {nvml}",
        powercap.display()
    )]
    None {
        /// Where processor packages were looked for.
        powercap: PathBuf,
        /// Why NVML cannot be used.
        nvml: String,
    },
    /// This user may not read a counter.
    #[error(
        "the energy counter `{path}` is not readable by this user: run as root, or grant it with \
         `sudo chmod a+r {path}`",
        path = path.display()
    )]
    Denied {
        /// The counter's file.
        path: PathBuf,
    },
    /// A counter cannot be read.
    #[error("the energy counter `{}` cannot be read", path.display())]
    Read {
        /// The counter's file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A counter's file holds no number.
    #[error("the energy counter `{}` holds `{found}` where a number was expected", path.display())]
    Number {
        /// The counter's file.
        path: PathBuf,
        /// What the file holds.
        found: String,
    },
    /// A graphics card stopped answering.
    #[error("the energy counter of {name} cannot be read: {reason}")]
    Gpu {
        /// The card's name.
        name: String,
        /// NVML's reason.
        reason: String,
    },
}

/// The counters of this machine.
#[derive(Debug)]
pub struct Meter {
    packages: Vec<Package>,
    gpus: Option<Nvml>,
}

/// Energy used since a reading was started, in joules; `None` for a kind that is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Joules {
    /// All processor packages together.
    pub processor: Option<f64>,
    /// All graphics cards with a counter together.
    pub gpu: Option<f64>,
}

impl Joules {
    /// The sum over both kinds.
    pub fn total(&self) -> f64 {
        self.processor.unwrap_or_default() + self.gpu.unwrap_or_default()
    }
}

impl Meter {
    /// Finds the counters that this user may read.
    ///
    /// # Errors
    ///
    /// No counter was found; [`Error::Denied`] where root could read one.
    pub fn open() -> Result<Self, Error> {
        Self::of(POWERCAP.into(), Nvml::open())
    }

    /// Opens the counters below a folder like [`POWERCAP`], and those of the cards.
    fn of(powercap: PathBuf, gpus: Result<Nvml, String>) -> Result<Self, Error> {
        let packages = powercap::packages(&powercap);
        match (packages, gpus) {
            (Ok(packages), Err(nvml)) if packages.is_empty() => Err(Error::None { powercap, nvml }),
            (Err(error), Err(_)) => Err(error),
            // Cards are worth reading even where the packages cannot be read. `counters` says what
            // is counted.
            (packages, gpus) => Ok(Self {
                packages: packages.unwrap_or_default(),
                gpus: gpus.ok(),
            }),
        }
    }

    /// The names of the counters, as the system gives them: `package-0`, or a card's model.
    pub fn counters(&self) -> Vec<String> {
        let packages = self.packages.iter().map(|package| package.name.clone());
        let gpus = self.gpus.iter().flat_map(Nvml::names).map(str::to_owned);
        packages.chain(gpus).collect()
    }

    /// Starts to count.
    ///
    /// # Errors
    ///
    /// A counter that was readable before cannot be read any more.
    pub fn start(&self) -> Result<Reading<'_>, Error> {
        let (packages, gpus) = self.read()?;
        Ok(Reading {
            meter: self,
            packages,
            packages_uj: 0,
            gpus,
        })
    }

    /// Reads each package in microjoules and each card in millijoules.
    fn read(&self) -> Result<(Vec<u64>, Vec<u64>), Error> {
        let packages = self.packages.iter().map(Package::read);
        let gpus = self.gpus.as_ref().map_or(Ok(Vec::new()), Nvml::read);
        Ok((packages.collect::<Result<_, _>>()?, gpus?))
    }
}

/// A reading that was started.
#[derive(Debug)]
pub struct Reading<'a> {
    meter: &'a Meter,
    /// The packages' counters at the last look.
    packages: Vec<u64>,
    /// What the packages had used by then.
    packages_uj: u64,
    /// The cards' counters at the start; these do not wrap.
    gpus: Vec<u64>,
}

impl Reading<'_> {
    /// Energy used since the start. A package's counter wraps: on the smallest ones after about 65
    /// kJ, which is minutes under load. Call this at least once a minute, or a whole wrap is
    /// missed.
    ///
    /// # Errors
    ///
    /// A counter cannot be read any more.
    pub fn joules(&mut self) -> Result<Joules, Error> {
        let (packages, gpus) = self.meter.read()?;
        for ((package, before), after) in
            (self.meter.packages.iter().zip(&mut self.packages)).zip(packages)
        {
            self.packages_uj = (self.packages_uj).saturating_add(package.used(*before, after));
            *before = after;
        }
        let gpus_mj: f64 = gpus
            .iter()
            .zip(&self.gpus)
            .map(|(after, before)| after.saturating_sub(*before) as f64)
            .sum();
        Ok(Joules {
            processor: (!self.packages.is_empty()).then(|| self.packages_uj as f64 / 1e6),
            gpu: (!self.gpus.is_empty()).then_some(gpus_mj / 1e3),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Makes a folder like Linux's: zones, each with a name, a counter and the counter's range.
    fn machine(zones: &[(&str, &str, u64)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        // Linux also lists the control types themselves, beside their zones.
        fs::create_dir(root.path().join("intel-rapl")).unwrap();
        for (zone, name, microjoules) in zones {
            let zone = root.path().join(zone);
            fs::create_dir(&zone).unwrap();
            fs::write(zone.join("name"), format!("{name}\n")).unwrap();
            fs::write(zone.join("max_energy_range_uj"), "262143328850\n").unwrap();
            count(&zone, *microjoules);
        }
        root
    }

    fn count(zone: &Path, microjoules: u64) {
        fs::write(zone.join("energy_uj"), format!("{microjoules}\n")).unwrap();
    }

    fn open(root: &Path) -> Result<Meter, Error> {
        Meter::of(root.to_owned(), Err("NVML was left out".into()))
    }

    #[test]
    fn packages_are_counted_once_each() {
        let root = machine(&[
            ("intel-rapl:0", "package-0", 1_000_000),
            ("intel-rapl:0:0", "core", 500_000),
            ("intel-rapl:0:1", "dram", 300_000),
            ("intel-rapl:1", "package-1", 2_000_000),
            ("intel-rapl:2", "psys", 9_000_000),
            ("intel-rapl-mmio:0", "package-0", 1_000_000),
        ]);
        let meter = open(root.path()).unwrap();
        assert_eq!(meter.counters(), ["package-0", "package-1"]);
        let mut reading = meter.start().unwrap();
        assert_eq!(reading.joules().unwrap().total(), 0.0);
        for (zone, microjoules) in [
            ("intel-rapl:0", 1_500_000),
            ("intel-rapl:0:0", 900_000),
            ("intel-rapl:1", 4_000_000),
            ("intel-rapl:2", 19_000_000),
            ("intel-rapl-mmio:0", 8_000_000),
        ] {
            count(&root.path().join(zone), microjoules);
        }
        let joules = reading.joules().unwrap();
        assert_eq!((joules.processor, joules.gpu), (Some(2.5), None));
    }

    #[test]
    fn a_counter_that_starts_over_goes_on_counting() {
        let root = machine(&[("intel-rapl:0", "package-0", 262_143_000_000)]);
        let zone = root.path().join("intel-rapl:0");
        let meter = open(root.path()).unwrap();
        let mut reading = meter.start().unwrap();
        count(&zone, 671_150);
        assert_eq!(reading.joules().unwrap().processor, Some(1.0));
        // The counter wraps twice, with a look in between.
        count(&zone, 262_143_000_000);
        reading.joules().unwrap();
        count(&zone, 671_150);
        assert_eq!(reading.joules().unwrap().total().round(), 262_144.0);
    }

    #[test]
    fn no_counter_is_not_the_same_as_one_that_may_not_be_read() {
        let root = machine(&[("intel-rapl:0:0", "core", 1)]);
        for root in [root.path(), &root.path().join("gone")] {
            let error = open(root).unwrap_err().to_string();
            assert!(error.starts_with("no energy counter on this machine"));
            assert!(error.ends_with("NVML was left out"), "{error}");
        }
        let zone = root.path().join("intel-rapl:0");
        fs::create_dir(&zone).unwrap();
        fs::write(zone.join("name"), "package-0\n").unwrap();
        fs::write(zone.join("max_energy_range_uj"), "262143328850\n").unwrap();
        // Not readable even for root, which a file's mode cannot express.
        #[cfg(target_os = "linux")]
        {
            std::os::unix::fs::symlink("/proc/sys/vm/compact_memory", zone.join("energy_uj"))
                .unwrap();
            let error = open(root.path()).unwrap_err();
            assert!(matches!(error, Error::Denied { .. }), "{error:?}");
            assert!(error.to_string().contains("run as root"));
            fs::remove_file(zone.join("energy_uj")).unwrap();
        }
        let error = open(root.path()).unwrap_err();
        assert!(matches!(error, Error::Read { .. }), "{error:?}");
    }

    #[test]
    fn what_is_no_number_is_said() {
        let root = machine(&[("intel-rapl:0", "package-0", 1)]);
        let zone = root.path().join("intel-rapl:0");
        let meter = open(root.path()).unwrap();
        let mut reading = meter.start().unwrap();
        fs::write(zone.join("energy_uj"), "many\n").unwrap();
        let error = reading.joules().unwrap_err().to_string();
        assert!(
            error.ends_with("holds `many` where a number was expected"),
            "{error}"
        );
        fs::remove_file(zone.join("energy_uj")).unwrap();
        assert!(matches!(reading.joules(), Err(Error::Read { .. })));
    }
}
