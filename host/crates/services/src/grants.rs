//! What one instance may use. The default is nothing.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{Bucket, LogLevel};

/// What one instance may use.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Graphs that it may use by name.
    pub graphs: GraphGrant,
    /// Whether it may load models from bytes. A model is input to native code, so this needs trust.
    pub load: bool,
    /// Directories of the host that it sees.
    pub dirs: Vec<DirGrant>,
    /// Its environment variables.
    pub env: Vec<(String, String)>,
    /// Its arguments, the program's name first.
    pub args: Vec<String>,
    /// Whether it has the host's standard input, output and error.
    pub stdio: bool,
    /// Configuration values that it may read, by their keys.
    pub config: Arc<BTreeMap<String, String>>,
    /// The name and level of its log lines; none if its lines are not logged.
    pub logging: Option<LogGrant>,
    /// Key-value buckets that it may open.
    pub keyvalue: KeyValueGrant,
}

/// The right to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGrant {
    /// The name that its lines have in the log.
    pub name: Arc<str>,
    /// Lines below this level are dropped.
    pub least: LogLevel,
}

/// Which key-value buckets an instance may open. If none are granted, every bucket is denied. Otherwise all
/// other names are unknown, whether or not there is such a bucket.
#[derive(Clone, Debug, Default)]
pub struct KeyValueGrant {
    /// These, by their names.
    pub buckets: Arc<BTreeMap<String, Arc<dyn Bucket>>>,
}

/// Which graphs an instance may use by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GraphGrant {
    /// None.
    #[default]
    None,
    /// All that the registry has.
    All,
    /// These.
    Names(Vec<String>),
}

impl GraphGrant {
    /// Whether it has this name.
    #[inline]
    pub fn allows(&self, name: &str) -> bool {
        match self {
            GraphGrant::None => false,
            GraphGrant::All => true,
            GraphGrant::Names(names) => names.iter().any(|granted| granted == name),
        }
    }
}

/// One directory of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirGrant {
    /// Where it is on the host.
    pub host: PathBuf,
    /// Where the guest sees it.
    pub guest: String,
    /// Whether the guest may change what is in it.
    pub writable: bool,
}
