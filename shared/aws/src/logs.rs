//! What work printed: steps' output as EMR copies it to S3, jobs' output in CloudWatch Logs.

use std::fmt;
use std::io::Read;
use std::str::FromStr;

use aws_config::SdkConfig;
use aws_sdk_batch::types::JobDetail;
use flate2::read::MultiGzDecoder;
use model::id::{EmrClusterId, SubmissionId};
use model::task::Place;

use crate::refused::Refused;
use crate::trouble::Trouble;

/// Where Batch's jobs log unless their definition says otherwise.
const BATCH_LOGS: &str = "/aws/batch/job";
/// The option of a job's log configuration that names its log group.
const GROUP_OPTION: &str = "awslogs-group";
/// The most jobs one call describes.
const JOBS: u32 = 100;
/// How the folder of an application's first container ends, which is the driver's.
const DRIVER: &str = "_000001/";
/// The largest object of which the end is read, packed and unpacked, in bytes: it is read whole.
const LARGE_PACKED: i64 = 8 * 1024 * 1024;
const LARGE: usize = 256 * 1024 * 1024;
/// How many of a stream's last events are read.
const LAST_EVENTS: i32 = 50;
/// An object that has not changed since it was last read.
const NOT_MODIFIED: u16 = 304;

/// Finds and reads what work printed.
#[derive(Debug, Clone)]
pub struct Logs {
    emr: aws_sdk_emr::Client,
    batch: aws_sdk_batch::Client,
    objects: aws_sdk_s3::Client,
    streams: aws_sdk_cloudwatchlogs::Client,
}

/// Where one process of an attempt printed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Child of an array job.
    pub child: Option<u32>,
    pub stdout: Source,
    /// `None` where both are in one.
    pub stderr: Option<Source>,
}

/// Where a step's output lies.
pub(crate) struct StepFolders {
    pub bucket: String,
    /// Of the step, with a slash at its end.
    pub folder: String,
    of_cluster: String,
    pub step: Printed,
}

/// Something that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Written `s3://bucket/key`; a key that ends with `.gz` is unpacked.
    Object { bucket: String, key: String },
    /// Written `logs:group:stream`.
    Stream { group: String, stream: String },
}

/// How far a source was read.
#[derive(Debug, Clone, Default)]
pub struct Position {
    bytes: usize,
    /// The object as it was then, or where the stream goes on.
    mark: Option<String>,
}

/// A text names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither s3://bucket/key nor logs:group:stream")]
pub struct NotASource(pub String);

impl Logs {
    /// Makes the clients.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            emr: aws_sdk_emr::Client::new(config),
            batch: aws_sdk_batch::Client::new(config),
            objects: aws_sdk_s3::Client::new(config),
            streams: aws_sdk_cloudwatchlogs::Client::new(config),
        }
    }

    /// Finds where an attempt printed to; empty when nobody keeps that.
    pub async fn of(&self, place: &Place, id: &SubmissionId) -> Result<Vec<Printed>, Refused> {
        match place {
            Place::Instance(cluster) => self.of_step_and_driver(cluster, id).await,
            Place::Queue(_) => self.of_job(id).await,
        }
    }

    async fn of_step_and_driver(
        &self,
        cluster: &EmrClusterId,
        step: &SubmissionId,
    ) -> Result<Vec<Printed>, Refused> {
        let Some(folders) = self.of_step(cluster, step).await? else {
            return Ok(Vec::new());
        };
        let driver = match &folders.step.stderr {
            Some(stderr) => {
                self.driver(&folders.bucket, &folders.of_cluster, stderr)
                    .await?
            }
            None => None,
        };
        Ok([folders.step].into_iter().chain(driver).collect())
    }

    /// Finds where a step printed to; `None` when its cluster keeps no logs.
    pub(crate) async fn of_step(
        &self,
        cluster: &EmrClusterId,
        step: &SubmissionId,
    ) -> Result<Option<StepFolders>, Refused> {
        let asked = self.emr.describe_cluster().cluster_id(cluster.as_str());
        let answer = Box::pin(asked.send()).await.map_err(|error| {
            Refused::new(
                format!("ask EMR where {cluster} logs to"),
                Trouble::of(&error),
            )
        })?;
        let log_uri = answer.cluster.and_then(|cluster| cluster.log_uri);
        let Some((bucket, prefix)) = log_uri.as_deref().and_then(bucket_and_key) else {
            return Ok(None);
        };
        let prefix = prefix.trim_end_matches('/');
        let separator = if prefix.is_empty() { "" } else { "/" };
        let of_cluster = format!("{prefix}{separator}{cluster}");
        let folder = format!("{of_cluster}/steps/{step}/");
        Ok(Some(StepFolders {
            bucket: bucket.to_owned(),
            step: in_folder(bucket, &folder),
            folder,
            of_cluster,
        }))
    }

    /// Finds where a job printed to, which is nowhere before it starts; `None` of one that Batch does
    /// not know, and of an array's parent, which prints nothing itself.
    pub(crate) async fn of_one_job(&self, id: &SubmissionId) -> Result<Option<Source>, Refused> {
        let jobs = self.describe(vec![id.to_string()]).await?;
        let single = jobs.first().filter(|job| job.array_properties().is_none());
        let printed = single.and_then(|job| printed(job, None));
        Ok(printed.map(|printed| printed.stdout))
    }

    /// Reads the end of a source, so many bytes of it; `None` when there is no such source (yet).
    pub(crate) async fn end(
        &self,
        source: &Source,
        bytes: usize,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let read = match source {
            Source::Object { bucket, key } => self.end_of_object(bucket, key, bytes).await,
            Source::Stream { group, stream } => self.end_of_stream(group, stream).await,
        };
        match read {
            Ok(mut read) => Ok(Some(read.split_off(read.len().saturating_sub(bytes)))),
            Err(Trouble::Absent(_)) => Ok(None),
            Err(trouble) => Err(Refused::new(format!("read {source}"), trouble)),
        }
    }

    async fn end_of_object(
        &self,
        bucket: &str,
        key: &str,
        bytes: usize,
    ) -> Result<Vec<u8>, Trouble> {
        let asked = self.objects.get_object().bucket(bucket).key(key);
        let answer = Box::pin(asked.send()).await;
        let answer = answer.map_err(|error| Trouble::of(&error))?;
        let length = answer.content_length.unwrap_or(0);
        if length > LARGE_PACKED {
            return Err(Trouble::Other(format!("it is large, {length} bytes")));
        }
        let body = answer.body.collect().await;
        let packed = body.map_err(|error| Trouble::Other(format!("it broke off: {error}")))?;
        let packed = packed.to_vec();
        if key.ends_with(".gz") {
            end_of(MultiGzDecoder::new(packed.as_slice()), bytes)
        } else {
            Ok(packed)
        }
    }

    async fn end_of_stream(&self, group: &str, stream: &str) -> Result<Vec<u8>, Trouble> {
        let asked = self
            .streams
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(stream)
            .start_from_head(false)
            .limit(LAST_EVENTS);
        let answer = Box::pin(asked.send()).await;
        let answer = answer.map_err(|error| Trouble::of(&error))?;
        let mut text = Vec::new();
        for event in answer.events.unwrap_or_default() {
            text.extend_from_slice(event.message.unwrap_or_default().as_bytes());
            text.push(b'\n');
        }
        Ok(text)
    }

    /// Finds where a Spark driver printed to that ran on the cluster: YARN's container, whose
    /// application the step's stderr names. `None` when there is none, or not yet.
    async fn driver(
        &self,
        bucket: &str,
        of_cluster: &str,
        stderr: &Source,
    ) -> Result<Option<Printed>, Refused> {
        let said = self.read(stderr, &mut Position::default()).await?;
        let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
        let Some(application) = application_in(&said) else {
            return Ok(None);
        };
        let prefix = format!("{of_cluster}/containers/{application}/");
        let asked = self.objects.list_objects_v2().bucket(bucket);
        let answer = Box::pin(asked.prefix(&prefix).send()).await;
        let answer = answer.map_err(|error| {
            Refused::new(format!("list s3://{bucket}/{prefix}"), Trouble::of(&error))
        })?;
        let keys = answer.contents.unwrap_or_default().into_iter();
        let folders = keys.filter_map(|object| {
            let folder = object.key?.strip_suffix("stdout.gz")?.to_owned();
            folder.ends_with(DRIVER).then_some(folder)
        });
        // The last of the application's own tries.
        Ok(folders.max().map(|folder| in_folder(bucket, &folder)))
    }

    async fn of_job(&self, id: &SubmissionId) -> Result<Vec<Printed>, Refused> {
        let jobs = self.describe(vec![id.to_string()]).await?;
        let Some(job) = jobs.first() else {
            return Ok(Vec::new());
        };
        let size = job.array_properties().and_then(|array| array.size());
        let Some(size) = size.and_then(|size| u32::try_from(size).ok()) else {
            return Ok(printed(job, None).into_iter().collect());
        };
        let mut found = Vec::new();
        for first in (0..size).step_by(JOBS as usize) {
            let children = first..size.min(first + JOBS);
            let ids = children.map(|child| format!("{id}:{child}")).collect();
            let jobs = self.describe(ids).await?;
            found.extend(jobs.iter().filter_map(|job| {
                let child = job.array_properties()?.index()?;
                printed(job, u32::try_from(child).ok())
            }));
        }
        found.sort_by_key(|printed| printed.child);
        Ok(found)
    }

    async fn describe(&self, ids: Vec<String>) -> Result<Vec<JobDetail>, Refused> {
        let asked = self.batch.describe_jobs().set_jobs(Some(ids));
        let answer = Box::pin(asked.send()).await;
        let answer = answer
            .map_err(|error| Refused::new("ask Batch where a job logs to", Trouble::of(&error)))?;
        Ok(answer.jobs.unwrap_or_default())
    }

    /// Reads what was added to a source; `None` when there is no such source (yet).
    pub async fn read(
        &self,
        source: &Source,
        from: &mut Position,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let read = match source {
            Source::Object { bucket, key } => self.object(bucket, key, from).await,
            Source::Stream { group, stream } => self.stream(group, stream, from).await,
        };
        match read {
            Ok(read) => Ok(Some(read)),
            Err(Trouble::Absent(_)) => Ok(None),
            Err(trouble) => Err(Refused::new(format!("read {source}"), trouble)),
        }
    }

    async fn object(
        &self,
        bucket: &str,
        key: &str,
        from: &mut Position,
    ) -> Result<Vec<u8>, Trouble> {
        let asked = self.objects.get_object().bucket(bucket).key(key);
        let asked = asked.set_if_none_match(from.mark.clone());
        let answer = match Box::pin(asked.send()).await {
            Ok(answer) => answer,
            Err(error) => {
                let response = error.raw_response();
                if response.is_some_and(|response| response.status().as_u16() == NOT_MODIFIED) {
                    return Ok(Vec::new());
                }
                return Err(Trouble::of(&error));
            }
        };
        let broken = |why: String| Trouble::Other(format!("it broke off: {why}"));
        let body = answer.body.collect().await;
        let packed = body.map_err(|error| broken(error.to_string()))?.to_vec();
        let mut text = Vec::new();
        if key.ends_with(".gz") {
            let unpacked = MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut text);
            unpacked.map_err(|error| broken(error.to_string()))?;
        } else {
            text = packed;
        }
        from.mark = answer.e_tag;
        // EMR writes a log whole each time, so what was seen is its beginning.
        let new = text.split_off(from.bytes.min(text.len()));
        from.bytes += new.len();
        Ok(new)
    }

    async fn stream(
        &self,
        group: &str,
        stream: &str,
        from: &mut Position,
    ) -> Result<Vec<u8>, Trouble> {
        let mut text = Vec::new();
        loop {
            let asked = self
                .streams
                .get_log_events()
                .log_group_name(group)
                .log_stream_name(stream)
                .start_from_head(true)
                .set_next_token(from.mark.clone());
            let answer = Box::pin(asked.send()).await;
            let answer = answer.map_err(|error| Trouble::of(&error))?;
            for event in answer.events.unwrap_or_default() {
                text.extend_from_slice(event.message.unwrap_or_default().as_bytes());
                text.push(b'\n');
            }
            // The end is told by the same token again.
            let at_end =
                answer.next_forward_token.is_none() || answer.next_forward_token == from.mark;
            from.mark = answer.next_forward_token.or(from.mark.take());
            if at_end {
                return Ok(text);
            }
        }
    }
}

/// The end of what is read, at least so many bytes of it where there are, without keeping the rest.
fn end_of(mut from: impl Read, bytes: usize) -> Result<Vec<u8>, Trouble> {
    let mut end = Vec::new();
    let mut buffer = [0; 8 * 1024];
    let mut seen = 0;
    loop {
        let read = from.read(&mut buffer);
        let read = read.map_err(|error| Trouble::Other(format!("it broke off: {error}")))?;
        if read == 0 {
            return Ok(end);
        }
        seen += read;
        if seen > LARGE {
            return Err(Trouble::Other("it is large".to_owned()));
        }
        end.extend_from_slice(&buffer[..read]);
        if end.len() > 2 * bytes {
            end.drain(..end.len() - bytes);
        }
    }
}

/// What a process printed that logs into a folder.
fn in_folder(bucket: &str, folder: &str) -> Printed {
    let object = |name: &str| Source::Object {
        bucket: bucket.to_owned(),
        key: format!("{folder}{name}.gz"),
    };
    Printed {
        child: None,
        stdout: object("stdout"),
        stderr: Some(object("stderr")),
    }
}

/// The last YARN application that a text names, such as `application_1772341200000_0017`.
fn application_in(text: &str) -> Option<&str> {
    const NAME: &str = "application_";
    let named = |(at, _): (usize, &str)| {
        let rest = &text[at + NAME.len()..];
        let of_name = |c: char| c.is_ascii_digit() || c == '_';
        let end = rest.find(|c| !of_name(c)).unwrap_or(rest.len());
        let (cluster, number) = rest[..end].split_once('_')?;
        let whole = !cluster.is_empty() && !number.is_empty() && !number.contains('_');
        whole.then(|| &text[at..at + NAME.len() + end])
    };
    text.rmatch_indices(NAME).find_map(named)
}

/// Where a job printed to; `None` when it has not started. Of a job that Batch itself tried again,
/// the last try.
fn printed(job: &JobDetail, child: Option<u32>) -> Option<Printed> {
    let container = job.container()?;
    let stream = container.log_stream_name()?.to_owned();
    let group = container
        .log_configuration()
        .and_then(|configuration| configuration.options()?.get(GROUP_OPTION))
        .map_or(BATCH_LOGS, String::as_str);
    let group = group.to_owned();
    Some(Printed {
        child,
        stdout: Source::Stream { group, stream },
        stderr: None,
    })
}

/// Reads `s3://bucket/key`; EMR itself writes `s3n`.
fn bucket_and_key(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once("://")?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    (["s3", "s3a", "s3n"].contains(&scheme) && !bucket.is_empty()).then_some((bucket, key))
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Stream { group, stream } => write!(f, "logs:{group}:{stream}"),
        }
    }
}

impl FromStr for Source {
    type Err = NotASource;

    fn from_str(text: &str) -> Result<Self, NotASource> {
        let stream = || {
            let (group, stream) = text.strip_prefix("logs:")?.split_once(':')?;
            let (group, stream) = (group.to_owned(), stream.to_owned());
            Some(Self::Stream { group, stream })
        };
        let object = bucket_and_key(text).map(|(bucket, key)| Self::Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        });
        object
            .or_else(stream)
            .ok_or_else(|| NotASource(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_reads_back_from_what_is_shown() {
        let sources = [
            Source::Object {
                bucket: "logs".into(),
                key: "emr/j-1/steps/s-1/stdout.gz".into(),
            },
            Source::Stream {
                group: "/aws/batch/job".into(),
                stream: "weather-python/default/3f2a".into(),
            },
        ];
        for source in sources {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        for other in ["", "s3://", "/tmp/stdout", "logs:", "logs:group"] {
            assert_eq!(other.parse::<Source>(), Err(NotASource(other.into())));
        }
    }

    #[test]
    fn the_end_is_kept_and_not_what_is_before() {
        let text: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
        let end = end_of(text.as_slice(), 1_000).unwrap();
        assert!(text.ends_with(&end) && (1_000..=2_000 + 8 * 1024).contains(&end.len()));
        assert_eq!(end_of(&b"short"[..], 1_000).unwrap(), b"short");
    }

    #[test]
    fn a_step_names_its_yarn_application() {
        let cases = [
            ("", None),
            (
                "INFO Submitted application application_1772341200000_0017\n",
                Some("application_1772341200000_0017"),
            ),
            (
                "tracking URL: http://ip:20888/proxy/application_17_2/\n",
                Some("application_17_2"),
            ),
            (
                "application_1_1 failed; application_1_2 follows",
                Some("application_1_2"),
            ),
            ("application_master application_17 application__1", None),
        ];
        for (text, expected) in cases {
            assert_eq!(application_in(text), expected, "{text}");
        }
    }

    #[test]
    fn emr_may_write_a_log_uri_its_own_way() {
        let cases = [
            ("s3://logs/emr/", Some(("logs", "emr/"))),
            ("s3n://logs/", Some(("logs", ""))),
            ("s3a://logs", Some(("logs", ""))),
            ("hdfs:///logs", None),
            ("logs", None),
        ];
        for (uri, expected) in cases {
            assert_eq!(bucket_and_key(uri), expected, "{uri}");
        }
    }
}
