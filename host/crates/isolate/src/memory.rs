//! The memory files of a helper, and how they are divided.

use std::{fs::File, io, os::fd::AsRawFd, str::FromStr};

use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};
use tollgate_jail::may_have;

/// A page of any machine.
const PAGE: u64 = 64 << 10;

/// How the memory files of a helper are divided. In the one that the host writes there is a place for a model, one for
/// tensors, and then a part for each lane; in the one that the helper writes there are only the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The place for a model, in bytes.
    pub(crate) model: u64,
    /// The place for tensors, in bytes.
    pub(crate) tensors: u64,
    /// What a lane carries to the helper, in bytes.
    pub(crate) down: u64,
    /// What a lane carries back, in bytes.
    pub(crate) up: u64,
    /// How many lanes there are.
    pub(crate) lanes: u32,
}

impl Layout {
    /// For models and tensors of at most these bytes.
    pub(crate) fn of(model: u64, tensors: u64, lanes: u32) -> Self {
        let pages = |bytes: u64| bytes.div_ceil(PAGE).max(1).saturating_mul(PAGE);
        let lane = pages(tensors.saturating_add(crate::lane::MOST_BODY as u64 + PAGE));
        Self {
            model: pages(model),
            tensors: 0,
            down: lane,
            up: lane,
            lanes: lanes.max(1),
        }
    }

    /// The same, with a place in which as many bytes of tensors lie.
    pub(crate) fn with_tensors(self, bytes: u64) -> Self {
        let pages = bytes.div_ceil(PAGE).max(1).saturating_mul(PAGE);
        Self {
            tensors: pages,
            ..self
        }
    }

    /// The size of the file that the host writes.
    pub(crate) fn down_bytes(&self) -> Option<u64> {
        self.down
            .checked_mul(self.lanes.into())?
            .checked_add(self.lanes_at()?)
    }

    /// Where in that file the lanes begin.
    pub(crate) fn lanes_at(&self) -> Option<u64> {
        self.model.checked_add(self.tensors)
    }

    /// The size of the file that the helper writes.
    pub(crate) fn up_bytes(&self) -> Option<u64> {
        self.up.checked_mul(self.lanes.into())
    }

    /// As an argument of the helper.
    pub(crate) fn to_argument(self) -> String {
        let Self {
            model,
            tensors,
            down,
            up,
            lanes,
        } = self;
        format!("{model},{tensors},{down},{up},{lanes}")
    }
}

impl FromStr for Layout {
    type Err = ();

    fn from_str(argument: &str) -> Result<Self, ()> {
        let mut numbers = argument.split(',').map(str::parse::<u64>);
        let mut next = || numbers.next().ok_or(())?.map_err(drop);
        let layout = Self {
            model: next()?,
            tensors: next()?,
            down: next()?,
            up: next()?,
            lanes: next()?.try_into().map_err(drop)?,
        };
        let whole = [layout.model, layout.down, layout.up]
            .iter()
            .all(|bytes| *bytes > 0 && bytes.is_multiple_of(PAGE));
        let whole = whole && layout.tensors.is_multiple_of(PAGE);
        match numbers.next() {
            None if whole && layout.lanes > 0 => Ok(layout),
            _ => Err(()),
        }
    }
}

/// A memory file of this size, which nobody can change any more. Its pages take no memory before they are written.
pub(crate) fn sealed_file(bytes: u64) -> io::Result<File> {
    may_have(bytes)?;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(memfd_create("tollgate", flags)?);
    ftruncate(&file, bytes)?;
    fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(file)
}

/// The same file, opened anew for reading alone: whoever has it cannot map it for writing.
pub(crate) fn for_reading(file: &File) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Gives the memory of a part of a file back to the system; it reads as zeros then.
pub(crate) fn give_back(file: &File, from: u64, bytes: u64) -> io::Result<()> {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    Ok(fallocate(file, hole, from, bytes)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::region::{Access, Region};

    #[test]
    fn layouts_come_through_an_argument() {
        let layout = Layout::of(1000, 256 << 20, 3).with_tensors(1 << 20);
        assert_eq!(layout.to_argument().parse(), Ok(layout));
        assert!(layout.down > 256 << 20 && layout.model == PAGE);
        assert_eq!(Layout::of(0, 0, 0).lanes, 1);
        for wrong in [
            "",
            "1,2,3",
            "65536,0,65536,65536,0",
            "65536,0,1,65536,1",
            "0,0,65536,65536,1",
            "65536,1,65536,65536,1",
        ] {
            assert_eq!(wrong.parse::<Layout>(), Err(()), "{wrong}");
        }
        let huge = Layout {
            up: u64::MAX - 1,
            lanes: 2,
            ..layout
        };
        assert_eq!(huge.up_bytes(), None);
    }

    #[test]
    fn a_file_keeps_its_size_and_one_for_reading_is_not_written() {
        let file = sealed_file(1 << 20).unwrap();
        assert!(file.set_len(0).is_err() && file.set_len(2 << 20).is_err());
        file.write_all_at(b"here", 4096).unwrap();
        let reads = for_reading(&file).unwrap();
        assert!(reads.write_all_at(b"there", 0).is_err());
        assert!(Region::map(&reads, 0, 4096, Access::Write).is_err());
        assert!(Region::map(&reads, 0, 4096, Access::Read).is_ok());
        give_back(&file, 4096, 4096).unwrap();
        let mut bytes = [9; 4];
        reads.read_exact_at(&mut bytes, 4096).unwrap();
        assert_eq!(bytes, [0; 4]);
    }
}
