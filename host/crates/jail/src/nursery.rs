//! A process that has loaded what helpers need, and from which they are forked: loading a large library takes longer
//! than everything else that starts a helper.
//!
//! It never sees a stranger's bytes: each helper confines itself after it was forked. Host and nursery talk over a
//! socket pair, in packets: a request to fork has the helper's arguments and its three files, the answer its number.
#![allow(unsafe_code, reason = "forking; the block says why it is sound")]

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    path::Path,
    process::{self, Child, Command, ExitCode, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
        sockopt,
    },
    process::{
        Pid, PidfdFlags, Signal, WaitOptions, getpid, getppid, kill_process, pidfd_open,
        set_parent_process_death_signal, waitpid,
    },
};

use crate::{
    Bounds, Error, Handed, Job, Resident,
    confine::{FIRST, alone, confine},
    helper::{ITSELF, memory_file, read_said},
    serve::refuse,
    spawner,
};

/// The longest packet: the arguments of a helper.
const PACKET: usize = 4096;

/// A request to fork a helper; its arguments follow, each ended by a zero byte.
const FORK: u8 = b'f';

/// A request for how a helper has ended; its number follows.
const STATUS: u8 = b's';

/// The answer about a helper that has not ended.
const GOES_ON: i32 = i32::MIN;

/// How long it may take to answer. Loading the library is a part of the first answer.
const ANSWER: Duration = Duration::from_secs(20);

/// How long an answer may take once the library is loaded. It takes a millisecond.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The first layers bound nothing.
const NONE: Bounds = Bounds {
    memory_bytes: u64::MAX,
    private_bytes: u64::MAX,
    result_bytes: u64::MAX,
    time: Duration::MAX,
};

/// The process, as the host has it. It is ended when this is dropped.
#[derive(Debug)]
pub struct Nursery {
    child: Mutex<Child>,
    /// None once an answer was lost: the next one would be taken for it.
    socket: Mutex<Option<OwnedFd>>,
    said: File,
}

impl Nursery {
    /// Starts this program's, or that of another program, with this environment alone.
    ///
    /// # Errors
    ///
    /// The system starts no process.
    pub fn start(
        arguments: &[&str],
        program: Option<&Path>,
        environment: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let prepared = |what| move |source| Error::Start { what, source };
        let sockets = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        );
        let connected = sockets.and_then(|(own, theirs)| {
            sockopt::set_socket_timeout(&own, sockopt::Timeout::Recv, Some(ANSWER))?;
            Ok((own, theirs))
        });
        let (own, theirs) = connected
            .map_err(io::Error::from)
            .map_err(prepared("connected"))?;
        let said = memory_file().map_err(prepared("given a place for its messages"))?;
        let shared = said.try_clone();
        let mut command = Command::new(program.unwrap_or(Path::new(ITSELF)));
        command
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .current_dir(OsStr::new("/"))
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(shared.map_err(prepared("handed its files"))?);
        let child = spawner::spawn(command).map_err(prepared("started"))?;
        Ok(Self {
            child: Mutex::new(child),
            socket: Mutex::new(Some(own)),
            said,
        })
    }

    /// Forks a helper. Its time is not looked after.
    ///
    /// # Errors
    ///
    /// The process is gone, or the system forks none.
    pub fn fork(self: &Arc<Self>, job: &Job<'_>, handed: &Handed) -> Result<Resident, Error> {
        let said = memory_file();
        let prepared = |source| Error::Start {
            what: "given a place for its messages",
            source,
        };
        let said = said.map_err(prepared)?;
        let bounds = job.bounds.to_argument();
        let mut packet = vec![FORK];
        for argument in job
            .arguments
            .iter()
            .copied()
            .chain([&*bounds, job.strength.name()])
        {
            packet.extend(argument.bytes());
            packet.push(0);
        }
        let files = [handed.input.as_fd(), handed.output.as_fd(), said.as_fd()];
        let number = self.ask(&packet, &files)?;
        self.hurry();
        let failed = |what| move |source| Error::Start { what, source };
        let forked = if number > 0 {
            Pid::from_raw(number)
        } else {
            None
        };
        let forked = forked
            .ok_or_else(|| io::Error::from_raw_os_error(number.wrapping_neg()))
            .map_err(failed("forked"))?;
        let process = pidfd_open(forked, PidfdFlags::empty()).inspect_err(|_| {
            // It is not reaped before it is asked for, so the number is its own.
            kill_process(forked, Signal::KILL).ok();
        });
        let process = process
            .map_err(io::Error::from)
            .map_err(failed("watched"))?;
        Ok(Resident::forked(
            Arc::clone(self),
            forked,
            process,
            said,
            job.bounds,
        ))
    }

    /// How a helper has ended, which is forgotten then; none if it goes on.
    pub(crate) fn status(&self, helper: Pid) -> Result<Option<ExitStatus>, Error> {
        let mut packet = vec![STATUS];
        packet.extend(helper.as_raw_nonzero().get().to_le_bytes());
        let status = self.ask(&packet, &[])?;
        Ok((status != GOES_ON).then(|| ExitStatus::from_raw(status)))
    }

    fn ask(&self, packet: &[u8], files: &[BorrowedFd<'_>]) -> Result<i32, Error> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = match &*socket {
            Some(socket) => send_and_receive(socket, packet, files),
            None => Err(io::ErrorKind::NotConnected.into()),
        };
        answer.map_err(|source| {
            *socket = None;
            let said = read_said(&self.said).unwrap_or_default();
            match said.lines().next_back() {
                Some(why) => Error::Refused(why.to_owned()),
                None => Error::Start {
                    what: "asked for",
                    source,
                },
            }
        })
    }

    /// From now on it has loaded the library, and answers at once.
    fn hurry(&self) {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = &*socket {
            sockopt::set_socket_timeout(socket, sockopt::Timeout::Recv, Some(AT_ONCE)).ok();
        }
    }

    /// Whether it can still be asked.
    pub fn is_there(&self) -> bool {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        socket.is_some()
    }
}

fn send_and_receive(socket: &OwnedFd, packet: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<i32> {
    if packet.len() > PACKET {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() && !rights.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(
        socket,
        &[IoSlice::new(packet)],
        &mut rights,
        SendFlags::NOSIGNAL,
    )?;
    let mut answer = [0; 4];
    let received = loop {
        match rustix::net::recv(socket, &mut answer[..], RecvFlags::empty()) {
            Ok((received, _)) => break received,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    if received == answer.len() {
        Ok(i32::from_le_bytes(answer))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        let child = child.unwrap_or_else(PoisonError::into_inner);
        child.kill().ok();
        child.wait().ok();
    }
}

/// Is the process: loads what helpers need, and forks one for each request until the host is gone. A helper's whole
/// `main` is `serve`, which is given its arguments and gives its exit code.
///
/// It must be called before the process has opened anything or has started a thread.
pub fn nurse(load: impl FnOnce() -> Result<(), String>, serve: impl Fn(&[&str]) -> u8) -> ExitCode {
    let failed = |why: &str| ExitCode::from(refuse(why));
    // What is missing each helper finds out for itself.
    confine(&FIRST, &NONE);
    if let Err(why) = load() {
        return failed(&why);
    }
    // Only the forking thread is there in the forked process; what others had locked would stay so.
    if let Err(why) = alone() {
        return failed(&why);
    }
    let stdin = io::stdin();
    loop {
        let mut packet = [0; PACKET];
        let received = receive(stdin.as_fd(), &mut packet);
        let Ok((length, files)) = received else {
            return ExitCode::FAILURE;
        };
        let answer = match packet.get(..length).and_then(<[u8]>::split_first) {
            None => return ExitCode::SUCCESS,
            Some((&FORK, arguments)) => match fork(arguments, files, &serve) {
                Ok(number) => number,
                Err(error) => -error.raw_os_error().unwrap_or(libc::EINVAL),
            },
            Some((_, number)) => status(number),
        };
        if rustix::net::send(&stdin, &answer.to_le_bytes(), SendFlags::NOSIGNAL).is_err() {
            return ExitCode::FAILURE;
        }
    }
}

fn receive(socket: BorrowedFd<'_>, packet: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(packet)],
        &mut rights,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let files = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    Ok((received.bytes, files.flatten().collect()))
}

fn fork(arguments: &[u8], files: Vec<OwnedFd>, serve: &impl Fn(&[&str]) -> u8) -> io::Result<i32> {
    let Ok([input, output, said]) = <[OwnedFd; 3]>::try_from(files) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let arguments = std::str::from_utf8(arguments).map_err(io::Error::other)?;
    let arguments: Vec<&str> = arguments.split_terminator('\0').collect();
    let parent = getpid();
    // SAFETY: this process has one thread (`nurse`), so the new one has all that it had, in the same state.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let moved = rustix::stdio::dup2_stdin(&input)
                .and_then(|()| rustix::stdio::dup2_stdout(&output))
                .and_then(|()| rustix::stdio::dup2_stderr(&said));
            drop((input, output, said));
            // The signal does not come if the parent was gone before it was asked for.
            set_parent_process_death_signal(Some(Signal::KILL)).ok();
            if getppid() != Some(parent) {
                process::exit(1);
            }
            let code = if moved.is_ok() { serve(&arguments) } else { 1 };
            process::exit(code.into())
        }
        number => Ok(number),
    }
}

fn status(number: &[u8]) -> i32 {
    let number = number.try_into().map(i32::from_le_bytes).ok();
    let Some(helper) = number.and_then(Pid::from_raw) else {
        return GOES_ON;
    };
    match waitpid(Some(helper), WaitOptions::NOHANG) {
        Ok(Some((_, status))) => status.as_raw(),
        Ok(None) => GOES_ON,
        // It was asked for before, by somebody who knows.
        Err(_) => GOES_ON,
    }
}
