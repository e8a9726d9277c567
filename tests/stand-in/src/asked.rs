//! What was asked, and by whom.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A service of which this is a stand-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Service {
    #[serde(rename = "elasticmapreduce")]
    Emr,
    #[serde(rename = "batch")]
    Batch,
}

/// A call of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub service: Service,
    /// As IAM spells it, such as `RunJobFlow`.
    pub operation: String,
    pub caller: Caller,
    pub body: Value,
}

/// Who called, as far as a request tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Caller {
    /// From the signature; whose it is knows who gave it out.
    pub access_key: String,
    pub user_agent: String,
}

/// A call as it is remembered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Call {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `<service>:<operation>`, as in a policy.
    pub action: String,
    #[serde(flatten)]
    pub caller: Caller,
    /// What it was about: a cluster's id, or the queue and definition of a job.
    pub resources: Vec<String>,
    /// The error code, `none` for no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Operations of Batch by their paths.
const BATCH: [(&str, &str); 5] = [
    ("/v1/submitjob", "SubmitJob"),
    ("/v1/listjobs", "ListJobs"),
    ("/v1/describejobs", "DescribeJobs"),
    ("/v1/canceljob", "CancelJob"),
    ("/v1/terminatejob", "TerminateJob"),
];

/// Tells which call a request is; `None` when it is of neither service.
pub fn operation(path: &str, target: Option<&str>) -> Option<(Service, String)> {
    if let Some((service, operation)) = target.and_then(|target| target.split_once('.')) {
        return (service == "ElasticMapReduce").then(|| (Service::Emr, operation.to_owned()));
    }
    let (_, operation) = BATCH.iter().find(|(known, _)| *known == path)?;
    Some((Service::Batch, (*operation).to_owned()))
}

/// Reads the access key of a signature (version 4); `None` when there is none.
pub fn access_key(authorization: &str) -> Option<String> {
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let (_, credential) = rest.split_once("Credential=")?;
    let key = credential.split('/').next()?;
    (!key.is_empty()).then(|| key.to_owned())
}

impl Asked {
    /// What the call is about, as ARNs would name it.
    pub fn resources(&self) -> Vec<String> {
        let text = |name: &str| self.body[name].as_str().map(str::to_owned);
        let listed = |name: &str| {
            let ids = self.body[name].as_array().into_iter().flatten();
            ids.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        match self.service {
            Service::Emr => {
                let one = text("ClusterId").or_else(|| text("JobFlowId"));
                one.map_or_else(|| listed("JobFlowIds"), |id| vec![id])
            }
            Service::Batch => {
                let of_job = ["jobQueue", "jobDefinition", "jobId"];
                let named: Vec<String> = of_job.into_iter().filter_map(text).collect();
                if named.is_empty() {
                    listed("jobs")
                } else {
                    named
                }
            }
        }
    }
}
