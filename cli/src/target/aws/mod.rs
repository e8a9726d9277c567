//! murmur on AWS: a deployment's table, inboxes, dead letters, and what its work printed.
//!
//! What each group of verbs calls; Terraform offers the two policies as outputs.
//!
//! | verbs | actions | on |
//! |---|---|---|
//! | `runs`, `show`, `why`, `timeline`, `clusters`, `backfill --dry-run`, `trigger --dry-run` | `dynamodb:GetItem`, `dynamodb:Query` | the table, its index `runs` |
//! | the queries of `docs/queries.md` | `dynamodb:BatchGetItem`, `dynamodb:GetItem`, `dynamodb:PartiQLSelect`, `dynamodb:Query` | the table, all its indexes |
//! | `logs` of a run | `logs:FilterLogEvents` | the functions' log groups, `/aws/lambda/<deployment>-*` |
//! | `logs` of a task | `elasticmapreduce:DescribeCluster` | clusters |
//! | | `batch:DescribeJobs` | `*` (AWS has nothing finer) |
//! | | `logs:GetLogEvents` | `/aws/batch/job`, or the log group of a job definition |
//! | | `s3:GetObject`, `s3:ListBucket` (else what is not there yet reads as denied) | the clusters' logs |
//! | `dead-letters list`, `show` | `sqs:ChangeMessageVisibility`, `sqs:GetQueueUrl`, `sqs:ReceiveMessage` | `<deployment>-*-dead-letters` |
//! | *all of these: the read policy* | | |
//! | `trigger`, `rerun`, `backfill`, `cancel`, `pause`, `resume`, `mark` | `sqs:GetQueueUrl`, `sqs:SendMessage` | `<deployment>-operate` |
//! | `trigger --event` | the same | `<deployment>-start-run` |
//! | `dead-letters redrive` | the same, and `sqs:DeleteMessage` | every inbox; `<deployment>-*-dead-letters` |
//! | *these besides: the operate policy* | | |
//! | who is calling | `sts:GetCallerIdentity`, which needs no permission | |

mod failure;

use std::time::Duration;

use ::aws::people::{self, Account, DeadLetters, FunctionLogs, Inboxes, Logs, Printed};
use ::aws::{Deployment, DynamoStateStore, NotADeployment, Trouble};
use model::Timestamp;
use model::message::{Function, Message};
use model::run::Run;
use model::task::{Place, Task};
use model::units::Seconds;

use self::failure::{Policy, failure, refused};
use super::chosen::At;
use super::{DeadLetter, Log, Pace, Position, Target};
use crate::exit::Failure;
use crate::output::note;
use crate::story::{self, Told};

/// Waiting for AWS: functions take a message within a second or two, when one must be started
/// first within a few more.
const PACE: Pace = Pace {
    soon: Duration::from_secs(15),
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
};

/// How long before a run was recorded it may have been spoken of: clocks differ.
const EARLIER: Seconds = Seconds(60);
/// How long after its end: whatever was late.
const LATER: Seconds = Seconds::hours(1);

/// A deployment on AWS.
pub struct AwsTarget {
    account: Account,
    store: DynamoStateStore,
    inboxes: Inboxes,
    dead_letters: DeadLetters,
    function_logs: FunctionLogs,
    logs: Logs,
}

impl AwsTarget {
    /// Finds a deployment, and refuses when there is none.
    pub async fn open(at: &At) -> Result<Self, Failure> {
        let deployment = at.deployment.parse();
        let deployment: Deployment =
            deployment.map_err(|error: NotADeployment| Failure::usage(error.to_string()))?;
        let account = Account::find(at.profile.as_deref(), at.region.as_deref()).await;
        let account = account.map_err(|error| {
            Failure::usage(error.to_string())
                .help("name it with --region or AWS_REGION, or in the profile that is used")
        })?;
        match account.knock(&deployment).await {
            Ok(()) => {}
            Err(Trouble::Absent(_)) => return Err(no_such(&account, &deployment).await),
            Err(Trouble::NoCredentials) if at.profile.is_some() => {
                let profile = at.profile.as_deref().unwrap_or_default();
                let what = format!("the profile `{profile}` gives no AWS credentials");
                return Err(Failure::trouble(what)
                    .help("`aws configure list-profiles` lists those there are"));
            }
            Err(trouble) => {
                let region = account.region();
                let what = format!("cannot read the table `{deployment}` in {region}");
                return Err(failure(what, trouble, Policy::Read));
            }
        }
        Ok(Self {
            store: account.table(&deployment),
            inboxes: account.inboxes(deployment.clone()),
            dead_letters: account.dead_letters(deployment.clone()),
            function_logs: account.function_logs(deployment),
            logs: account.logs(),
            account,
        })
    }
}

/// Says that there is no deployment, and where it was looked for.
async fn no_such(account: &Account, deployment: &Deployment) -> Failure {
    let of_account = match account.caller().await {
        Ok(caller) => format!(" of account {}", caller.account),
        Err(_) => String::new(),
    };
    let place = format!("{}{of_account}", account.region());
    let what = format!("there is no table `{deployment}` in {place}: nothing is deployed");
    Failure::not_found(what)
        .help("`terraform apply` deploys it")
        .help("or name another deployment with --deployment, --region or --profile")
}

/// The inboxes of those who are no [`Function`]: nobody sends to them.
const STRANGERS: [&str; 2] = ["archive-facts", "mirror-facts"];

impl Target for AwsTarget {
    type Store = DynamoStateStore;

    fn store(&self) -> &DynamoStateStore {
        &self.store
    }

    fn now(&self) -> Result<Timestamp, Failure> {
        Ok(crate::present::now())
    }

    /// Always: Lambda serves what is deployed, and what is not deployed cannot be opened.
    fn is_at_work(&self) -> Result<bool, Failure> {
        Ok(true)
    }

    fn how_to_start(&self) -> String {
        "terraform apply".to_owned()
    }

    fn pace(&self) -> Pace {
        PACE
    }

    /// Whoever AWS says is calling; what is said besides does not hide that.
    async fn who(&self, said: Option<&str>) -> String {
        match (self.account.caller().await, said) {
            (Ok(caller), None) => caller.arn,
            (Ok(caller), Some(said)) => format!("{said} ({})", caller.arn),
            (Err(error), _) => {
                note(&format!("who you are is not known to AWS: {error}"));
                super::local::user(said)
            }
        }
    }

    async fn send(&self, inbox: Function, message: Message) -> Result<(), Failure> {
        let sent = self.inboxes.send(inbox, &message).await;
        sent.map_err(|error| refused(error, Policy::Operate))
    }

    async fn story(&self, run: &Run) -> Result<Vec<Told>, Failure> {
        let from = EARLIER.before(run.created_at);
        let until = run
            .ended_at
            .map_or_else(crate::present::now, |ended| LATER.after(ended));
        let lines = self.function_logs.with(run.run.as_str(), from, until).await;
        let lines = lines.map_err(|error| refused(error, Policy::Read))?;
        let prefix = self.function_logs.prefix();
        let told = lines.iter().filter_map(|line| Told::read(line, &prefix));
        Ok(story::of(&run.run, told))
    }

    fn why_no_story(&self) -> &'static str {
        "nothing is logged of it any more: CloudWatch keeps logs as long as the deployment says, and where logs are archived, S3 keeps them longer"
    }

    async fn logs(&self, attempt: &Task) -> Result<Vec<Log>, Failure> {
        let Some((claim, id)) = attempt.claim.as_ref().zip(attempt.submission.as_ref()) else {
            return Ok(Vec::new());
        };
        let found = self.logs.of(&claim.place, id).await;
        let found = found.map_err(|error| refused(error, Policy::Read))?;
        Ok(found.into_iter().map(log).collect())
    }

    async fn read_log(&self, at: &str, from: &mut Position) -> Result<Option<Vec<u8>>, Failure> {
        let source = at.parse();
        let source = source.map_err(|error: people::NotASource| {
            Failure::trouble("cannot read a log").because(error)
        })?;
        let read = self.logs.read(&source, &mut from.aws).await;
        read.map_err(|error| refused(error, Policy::Read))
    }

    fn why_no_log(&self, attempt: &Task) -> Option<&'static str> {
        Some(match attempt.claim.as_ref().map(|claim| &claim.place) {
            Some(Place::Instance(_)) => {
                "nothing is there: EMR copies what a step prints to S3 every five minutes, and once more after its end"
            }
            Some(Place::Queue(_)) => {
                "nothing is there: a job logs from its start on, and Batch forgets jobs a week after their end"
            }
            None => "it has printed nothing: it was never submitted",
        })
    }

    async fn dead_letters(&self) -> Result<Vec<DeadLetter>, Failure> {
        let functions = Function::ALL.map(Function::name);
        // Where they are not there, they have no dead letters.
        let inboxes: Vec<&str> = functions.into_iter().chain(STRANGERS).collect();
        let letters = self.dead_letters.list(&inboxes).await;
        let letters = letters.map_err(|error| refused(error, Policy::Read))?;
        Ok(letters.into_iter().map(letter).collect())
    }

    async fn redrive(&self, letters: &[DeadLetter]) -> Result<usize, Failure> {
        let chosen: Vec<(&str, &str)> = letters
            .iter()
            .map(|letter| (letter.inbox.as_str(), letter.id.as_str()))
            .collect();
        let moved = self.dead_letters.redrive(&chosen).await;
        moved.map_err(|error| refused(error, Policy::Operate))
    }
}

fn log(printed: Printed) -> Log {
    Log {
        child: printed.child,
        stdout: printed.stdout.to_string(),
        stderr: printed.stderr.map(|stderr| stderr.to_string()),
    }
}

fn letter(letter: people::DeadLetter) -> DeadLetter {
    DeadLetter {
        message: DeadLetter::message_of(&letter.body),
        id: letter.id,
        inbox: letter.inbox,
        reason: letter.reason,
        set_aside_at: letter.at,
        receives: letter.receives,
    }
}
