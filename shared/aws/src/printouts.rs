//! What work printed last, for alert: steps' output in S3, jobs' in CloudWatch Logs; and where the
//! consoles show it.

use std::time::Duration;

use aws_config::SdkConfig;
use model::id::{EmrClusterId, SubmissionId};
use model::post::Link;
use model::task::Place;
use ports::printouts::END;
use ports::{Printout, Printouts, Submitted};

use crate::logs::{Logs, Source};
use crate::refused::Refused;
use crate::trouble::Trouble;

/// How long reading may take, all in all.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reads the ends of what work printed.
pub struct AwsPrintouts {
    logs: Logs,
    consoles: Consoles,
}

impl AwsPrintouts {
    /// Makes the clients.
    pub fn new(config: &SdkConfig) -> Self {
        let region = config.region().map_or("", |region| region.as_ref());
        Self {
            logs: Logs::new(config),
            consoles: Consoles {
                region: region.to_owned(),
            },
        }
    }

    /// Where an attempt printed to, with the link to that; an error says in words why nowhere.
    async fn source(&self, of: &Submitted) -> Result<(Source, Link), String> {
        match &of.place {
            Place::Instance(cluster) => {
                let found = self.logs.of_step(cluster, &of.id).await.map_err(said)?;
                let found = found.ok_or("its cluster keeps no logs")?;
                let link = self.consoles.folder(&found.bucket, &found.folder);
                let stderr = found.step.stderr.unwrap_or(found.step.stdout);
                Ok((stderr, link))
            }
            Place::Queue(_) => {
                let found = self.logs.of_one_job(&of.id).await.map_err(said)?;
                let found = found.ok_or("it has no log of its own")?;
                let link = self.consoles.source(&found);
                Ok((found, link))
            }
        }
    }

    async fn read(&self, of: &Submitted, links_only: bool) -> Printout {
        let mut printout = Printout::default();
        let source = match self.source(of).await {
            Ok((source, link)) => {
                printout.links.push(link);
                source
            }
            Err(why) => {
                printout.missing = Some(why);
                return printout;
            }
        };
        if links_only {
            return printout;
        }
        match (self.logs.end(&source, END).await, &of.place) {
            (Ok(Some(end)), _) if !end.is_empty() => {
                printout.end = String::from_utf8_lossy(&end).into_owned();
            }
            // Who may not list a bucket is denied what is not in it.
            (
                Ok(_)
                | Err(Refused {
                    trouble: Trouble::Denied(_),
                    ..
                }),
                Place::Instance(_),
            ) => {
                printout.comes_later = true;
                let when = "EMR copies it within five minutes";
                printout.missing = Some(format!("{when}, to {source}"));
            }
            (Ok(_), Place::Queue(_)) => {
                printout.missing = Some("nothing is in its log".to_owned());
            }
            (Err(refused), _) => printout.missing = Some(said(refused)),
        }
        printout
    }
}

impl Printouts for AwsPrintouts {
    async fn end_of(&self, attempt: &Submitted, links_only: bool) -> Printout {
        let reading = Box::pin(self.read(attempt, links_only));
        let late = || Printout {
            missing: Some("it could not be read in time".to_owned()),
            ..Printout::default()
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        let mut printout = read.unwrap_or_else(|_| late());
        printout.links.extend(match &attempt.place {
            Place::Instance(cluster) => self.links_of(cluster),
            Place::Queue(_) => vec![self.consoles.job(&attempt.id)],
        });
        printout
    }

    fn links_of(&self, instance: &EmrClusterId) -> Vec<Link> {
        vec![self.consoles.cluster(instance)]
    }
}

fn said(refused: Refused) -> String {
    refused.to_string()
}

/// The consoles of a region.
struct Consoles {
    region: String,
}

impl Consoles {
    fn link(&self, label: &str, path: &str) -> Link {
        let region = &self.region;
        let domain = if region.starts_with("cn-") {
            "console.amazonaws.cn"
        } else if region.starts_with("us-gov-") {
            "console.amazonaws-us-gov.com"
        } else {
            "console.aws.amazon.com"
        };
        Link {
            label: label.to_owned(),
            url: format!("https://{region}.{domain}/{path}"),
        }
    }

    fn cluster(&self, id: &EmrClusterId) -> Link {
        let (region, id) = (&self.region, encoded(id.as_str()));
        let path = format!("emr/home?region={region}#/clusterDetails/{id}");
        self.link("EMR console", &path)
    }

    fn job(&self, id: &SubmissionId) -> Link {
        let (region, id) = (&self.region, encoded(id.as_str()));
        let path = format!("batch/home?region={region}#jobs/detail/{id}");
        self.link("Batch console", &path)
    }

    fn folder(&self, bucket: &str, folder: &str) -> Link {
        let (region, bucket, folder) = (&self.region, encoded(bucket), encoded(folder));
        let path = format!("s3/buckets/{bucket}?region={region}&prefix={folder}");
        self.link("log in S3", &path)
    }

    fn source(&self, source: &Source) -> Link {
        match source {
            Source::Object { bucket, key } => self.folder(bucket, key),
            Source::Stream { group, stream } => {
                let region = &self.region;
                // The console's own way: encoded twice, with a dollar for each percent sign.
                let twice = |text: &str| encoded(&encoded(text)).replace('%', "$");
                let (group, stream) = (twice(group), twice(stream));
                let log = format!("log-groups/log-group/{group}/log-events/{stream}");
                let path = format!("cloudwatch/home?region={region}#logsV2:{log}");
                self.link("log in CloudWatch", &path)
            }
        }
    }
}

/// A text of which nothing in an address has a meaning.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_the_consoles_show_it() {
        let consoles = |region: &str| Consoles {
            region: region.to_owned(),
        };
        let here = consoles("eu-west-1");
        let stream = Source::Stream {
            group: "/aws/batch/job".into(),
            stream: "weather/default/3f2a".into(),
        };
        for (link, expected) in [
            (
                here.cluster(&"j-1ABC".into()),
                "https://eu-west-1.console.aws.amazon.com/emr/home?region=eu-west-1#/clusterDetails/j-1ABC",
            ),
            (
                here.job(&"0f3a-1".into()),
                "https://eu-west-1.console.aws.amazon.com/batch/home?region=eu-west-1#jobs/detail/0f3a-1",
            ),
            (
                here.folder("logs", "emr/j-1/steps/s-1/"),
                "https://eu-west-1.console.aws.amazon.com/s3/buckets/logs?region=eu-west-1&prefix=emr%2Fj-1%2Fsteps%2Fs-1%2F",
            ),
            (
                here.source(&stream),
                "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Faws$252Fbatch$252Fjob/log-events/weather$252Fdefault$252F3f2a",
            ),
            (
                consoles("cn-north-1").job(&"x|<y>".into()),
                "https://cn-north-1.console.amazonaws.cn/batch/home?region=cn-north-1#jobs/detail/x%7C%3Cy%3E",
            ),
        ] {
            assert_eq!(link.url, expected, "{}", link.label);
        }
    }
}
