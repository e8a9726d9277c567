//! The tiny process between the engine and a command: it starts the command at most once, waits
//! for it, and writes down how it ended, whether or not the engine lives to see it.
//!
//! It knows nothing of runs, clusters or queues. It is alone in its process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::io::{Errno, retry_on_intr};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, kill_process_group,
    set_child_subreaper, setsid, waitid, waitpid,
};

use super::directory::{DirectoryError, Exit, How, ProcessId, WorkDirectory};

/// The verb of `murmur` under which [`supervise`] is found; not for people.
pub const SUPERVISE_VERB: &str = "__supervise";

/// How long to wait before writing the exit again when it cannot be written, say on a full disk.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// Why nothing was supervised.
#[derive(Debug, thiserror::Error)]
pub enum SuperviseError {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("{path}: there is no command to run")]
    NoCommand { path: String },
    #[error("the process cannot be set up: {0}")]
    Setup(#[from] io::Error),
}

/// Runs the command of a work directory to its end and writes down how it ended. Returns at once,
/// having done nothing, when somebody else did or does so.
pub fn supervise(directory: &Path) -> Result<(), SuperviseError> {
    let directory = WorkDirectory::at(directory);
    let command = directory
        .command()?
        .ok_or_else(|| SuperviseError::NoCommand {
            path: directory.path().display().to_string(),
        })?;
    // Out of the engine's session: its end and its terminal's do not concern the command. Fails
    // only for who leads a process group already.
    let _ = setsid();
    // What the command leaves behind becomes a child of this process, to be swept up.
    set_child_subreaper(Some(rustix::process::getpid())).map_err(io::Error::from)?;
    let own_pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let supervisor = ProcessId::of(own_pid)
        .ok_or_else(|| io::Error::other("/proc does not tell of this process"))?;
    // Before the directory is taken: without logs, as on a full disk, the command is as if it had
    // never been begun, which is no failure of its own.
    let logs = [
        open_log(&directory.stdout())?,
        open_log(&directory.stderr())?,
    ];
    let Some(_lock) = directory.take(supervisor)? else {
        return Ok(());
    };
    let began = Instant::now();
    let how = match start(&directory, &command.launch, logs) {
        Ok(child) => run(&directory, child)?,
        Err(reason) => {
            complain(&directory, &reason);
            How::NotStarted(reason)
        }
    };
    let elapsed = began.elapsed().as_millis();
    let exit = Exit {
        how,
        elapsed_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
    };
    // The command cannot be run again, so its end must not be lost, however long it takes.
    while let Err(error) = directory.write_exit(&exit) {
        if !directory.path().exists() {
            return Err(error.into());
        }
        std::thread::sleep(WRITE_AGAIN);
    }
    Ok(())
}

fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn start(
    directory: &WorkDirectory,
    launch: &super::launch::Launch,
    [stdout, stderr]: [File; 2],
) -> Result<Child, String> {
    let Some((program, arguments)) = launch.argv.split_first() else {
        return Err("there is no program to start".into());
    };
    let own = directory.path().to_owned();
    let folder = launch.working_directory.as_ref().unwrap_or(&own);
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(format!("the working directory `{folder}` does not exist"));
    }
    Command::new(program)
        .args(arguments)
        .envs(&launch.environment)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("the program `{program}` is not on this machine"),
            _ => format!("the program `{program}` cannot be started: {error}"),
        })
}

/// Waits for the command and ends whatever it left behind.
fn run(directory: &WorkDirectory, mut child: Child) -> Result<How, SuperviseError> {
    let pid = Pid::from_child(&child);
    if let Some(process) = ProcessId::of(pid.as_raw_nonzero().get())
        && let Err(error) = directory.write_pid(process)
    {
        // It runs all the same; only cancelling it will not work.
        complain(directory, &error.to_string());
    }
    // The dead leader is kept until all is done, so that no stranger can get its number and be
    // signalled in its stead.
    retry_on_intr(|| {
        waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
        )
    })
    .map_err(io::Error::from)?;
    // A container or a step ends with its first process; nothing may go on in its name.
    match kill_process_group(pid, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH | Errno::PERM) => {}
        Err(error) => return Err(io::Error::from(error).into()),
    }
    sweep(pid);
    let status = child.wait()?;
    Ok(how(status))
}

fn how(status: ExitStatus) -> How {
    match (status.code(), status.signal()) {
        (Some(code), _) => How::Code(code),
        (None, signal) => How::Signal(signal.unwrap_or(0)),
    }
}

/// Ends processes that left the command's group and came to this one when their parents ended.
fn sweep(leader: Pid) {
    loop {
        let orphans: Vec<Pid> = children()
            .into_iter()
            .filter(|pid| *pid != leader)
            .collect();
        if orphans.is_empty() {
            return;
        }
        for orphan in orphans {
            // Both fail only when it is gone already.
            let _ = kill_process(orphan, Signal::KILL);
            let _ = retry_on_intr(|| waitpid(Some(orphan), WaitOptions::empty()));
        }
    }
}

/// The children of this process; none where the kernel does not tell.
fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok())
        .flat_map(|list| {
            let pids = list.split_whitespace().map(str::parse);
            pids.filter_map(|pid| Pid::from_raw(pid.ok()?))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Tells whoever reads the command's log.
fn complain(directory: &WorkDirectory, message: &str) {
    if let Ok(mut file) = open_log(&directory.stderr()) {
        // Nobody is left to tell.
        let _ = writeln!(file, "murmur: {message}");
    }
}
