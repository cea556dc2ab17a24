//! A project's README, whose commands the command line prints.

use super::File;

/// The commands in a README, one per line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readme {
    /// The commands that install the toolchain, to run once.
    pub setup: Vec<String>,
    /// The commands that test, build and run the plugin.
    pub commands: Vec<String>,
}

impl Readme {
    /// Reads them from a project: the first and the second block of shell commands.
    pub fn of(files: &[File]) -> Self {
        let readme = files.iter().find(|file| file.path == "README.md");
        let text = readme.and_then(|file| std::str::from_utf8(&file.bytes).ok());
        let mut blocks = blocks(text.unwrap_or_default()).into_iter();
        Self {
            setup: blocks.next().unwrap_or_default(),
            commands: blocks.next().unwrap_or_default(),
        }
    }
}

/// The lines of each code block that is marked as `sh`.
fn blocks(markdown: &str) -> Vec<Vec<String>> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while lines.any(|line| line == "```sh") {
        let block = lines.by_ref().take_while(|&line| line != "```");
        blocks.push(block.map(str::to_owned).collect());
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_told_from_other_blocks() {
        let text = "a\n```sh\nb\nc\n```\n```text\nd\n```\n```sh\ne\n```\n";
        assert_eq!(blocks(text), [&["b", "c"][..], &["e"]]);
        assert!(blocks("no block").is_empty());
    }
}
