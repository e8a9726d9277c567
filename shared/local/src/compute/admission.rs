//! The limits under which EMR and Batch take work. Sources: the services' API references.

use model::observation::ClusterState;
use model::units::Seconds;
use model::work::{Submission, Work};
use ports::SubmitError;

/// PENDING and RUNNING steps of one EMR cluster.
pub const OPEN_STEPS: usize = 256;
/// Characters of all strings of a step.
const STEP_CHARACTERS: usize = 10_240;
/// Characters of a step's name.
const STEP_NAME: usize = 256;
/// Characters of a job's name.
const JOB_NAME: usize = 128;
/// Bytes of a SubmitJob request.
const JOB_PAYLOAD: usize = 30 * 1024;
/// Children of an array job.
const ARRAY_SIZE: std::ops::RangeInclusive<u32> = 2..=10_000;
/// The shortest time-out Batch takes.
const JOB_TIMEOUT: Seconds = Seconds(60);

/// Checks whether a cluster in this state takes steps.
pub fn takes_steps(state: ClusterState) -> Result<(), SubmitError> {
    match state {
        ClusterState::Starting
        | ClusterState::Bootstrapping
        | ClusterState::Running
        | ClusterState::Waiting => Ok(()),
        ClusterState::Terminating
        | ClusterState::Terminated
        | ClusterState::TerminatedWithErrors => Err(SubmitError::Gone {
            reason: "ValidationException: a job flow that is shutting down, terminated, or finished may not be modified".into(),
        }),
    }
}

/// Checks that so many more steps fit. EMR takes all steps of a call or none, and answers with a
/// validation error; but there is room again when steps end, so it is not final (rule 12).
pub fn has_room(open: usize, more: usize) -> Result<(), SubmitError> {
    if open + more <= OPEN_STEPS {
        return Ok(());
    }
    Err(SubmitError::Throttled {
        reason: format!(
            "ValidationException: maximum number of active steps (PENDING and RUNNING) for the cluster exceeded: {open} of {OPEN_STEPS} are open, {more} more do not fit"
        ),
    })
}

/// Checks one submission to an EMR cluster.
pub fn check_step(submission: &Submission) -> Result<&[String], SubmitError> {
    let Work::Step { argv } = &submission.work else {
        return refuse("ValidationException: a cluster runs steps, not jobs".into());
    };
    let name = submission.key.to_string().chars().count();
    let characters: usize = argv.iter().map(|argument| argument.chars().count()).sum();
    if argv.first().is_none_or(String::is_empty) {
        refuse("ValidationException: the step has no command".into())
    } else if name > STEP_NAME {
        refuse(format!(
            "ValidationException: the step's name has {name} characters; at most {STEP_NAME} are allowed"
        ))
    } else if characters > STEP_CHARACTERS {
        refuse(format!(
            "ValidationException: the step's arguments have {characters} characters; at most {STEP_CHARACTERS} are allowed"
        ))
    } else {
        Ok(argv)
    }
}

/// Checks one submission to a Batch queue.
pub fn check_job(submission: &Submission) -> Result<&model::work::JobSpec, SubmitError> {
    let Work::Job(spec) = &submission.work else {
        return refuse("ClientException: a queue runs jobs, not steps".into());
    };
    let name = submission.key.to_string();
    let named = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    let payload: usize = spec.command.iter().map(String::len).sum::<usize>()
        + spec
            .environment
            .iter()
            .chain(&submission.tags)
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
    if name.len() > JOB_NAME || !name.bytes().all(named) {
        refuse(format!(
            "ClientException: `{name}` is no job name: at most {JOB_NAME} letters, digits, `-` and `_`"
        ))
    } else if payload > JOB_PAYLOAD {
        refuse(format!(
            "ClientException: the request has {payload} bytes; at most {JOB_PAYLOAD} are allowed"
        ))
    } else if let Some(size) = spec.array_size.filter(|size| !ARRAY_SIZE.contains(size)) {
        let (from, to) = (ARRAY_SIZE.start(), ARRAY_SIZE.end());
        refuse(format!(
            "ClientException: an array has {from} to {to} children, not {size}"
        ))
    } else if let Some(timeout) = submission.timeout.filter(|timeout| *timeout < JOB_TIMEOUT) {
        refuse(format!(
            "ClientException: a time-out is at least {JOB_TIMEOUT}, not {timeout}"
        ))
    } else {
        Ok(spec)
    }
}

fn refuse<T>(reason: String) -> Result<T, SubmitError> {
    Err(SubmitError::Refused { reason })
}
