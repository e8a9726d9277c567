//! EMR and Batch as the adapter sees them: their protocols, shapes, pages and refusals, over work
//! that never ends by itself.

use serde_json::{Value, json};

use crate::wire::{Answer, Asked};

/// Smaller than the services' own, so that every list has several.
const PAGE: usize = 2;

/// What there is.
#[derive(Default)]
pub struct StandIn {
    pub now_s: i64,
    /// How much a list has on a page.
    pub page: usize,
    pub asked: Vec<Asked>,
    pub clusters: Vec<Value>,
    /// Oldest first.
    pub steps: Vec<Value>,
    pub jobs: Vec<Value>,
}

impl StandIn {
    /// Nothing yet, at an instant.
    pub fn at(now_s: i64) -> Self {
        Self {
            now_s,
            page: PAGE,
            ..Self::default()
        }
    }

    /// Answers a request.
    pub fn answer(&mut self, asked: &Asked) -> Answer {
        self.asked.push(asked.clone());
        let body = &asked.body;
        match asked.what.as_str() {
            "RunJobFlow" => self.run_job_flow(body),
            "ListClusters" => self.list_clusters(body),
            "DescribeCluster" => match self.cluster(body["ClusterId"].as_str()) {
                Some(cluster) => Answer::Ok(json!({ "Cluster": cluster })),
                None => wrong("Cluster id is not valid."),
            },
            "ListInstances" => Answer::Ok(json!({
                "Instances": [{ "Id": "ci-1", "PrivateIpAddress": "10.0.0.9" }]
            })),
            "TerminateJobFlows" => self.terminate_job_flows(body),
            "AddJobFlowSteps" => self.add_job_flow_steps(body),
            "ListSteps" => self.list_steps(body),
            "CancelSteps" => self.cancel_steps(body),
            "v1/submitjob" => self.submit_job(body),
            "v1/listjobs" => self.list_jobs(body),
            "v1/describejobs" => {
                let wanted = |job: &&Value| texts(&body["jobs"]).contains(&text(job, "jobId"));
                let jobs: Vec<&Value> = self.jobs.iter().filter(wanted).collect();
                Answer::Ok(json!({ "jobs": jobs }))
            }
            "v1/terminatejob" => {
                for job in self
                    .jobs
                    .iter_mut()
                    .filter(|job| job["jobId"] == body["jobId"])
                {
                    if job["status"] != "FAILED" {
                        job["asked"] = body["reason"].clone();
                    }
                }
                Answer::Ok(json!({}))
            }
            other => Answer::Error(400, "UnknownOperationException", other.to_owned()),
        }
    }

    /// Lets everything that was asked for happen.
    pub fn settle(&mut self) {
        let now_s = self.now_s;
        for cluster in &mut self.clusters {
            let next = match cluster["Status"]["State"].as_str() {
                Some("STARTING") => "WAITING",
                Some("TERMINATING") => "TERMINATED",
                _ => continue,
            };
            cluster["Status"]["State"] = next.into();
            if next == "WAITING" {
                cluster["MasterPublicDnsName"] = "ec2-3-80-1-2.compute-1.amazonaws.com".into();
            }
        }
        let clusters = &self.clusters;
        let is_over = |id: &Value| {
            let mut clusters = clusters.iter();
            clusters.any(|one| one["Id"] == *id && one["Status"]["State"] == "TERMINATED")
        };
        for step in &mut self.steps {
            let state = step["Status"]["State"].as_str().unwrap_or_default();
            let next = match state {
                "CANCEL_PENDING" => "CANCELLED",
                "PENDING" | "RUNNING" if is_over(&step["cluster"]) => "CANCELLED",
                "PENDING" => "RUNNING",
                _ => continue,
            };
            step["Status"]["State"] = next.into();
            if next == "CANCELLED" {
                step["Status"]["Timeline"]["EndDateTime"] = now_s.into();
            }
        }
        for job in &mut self.jobs {
            if job["status"] == "FAILED" {
                continue;
            }
            job["status"] = "RUNNING".into();
            if job["asked"].is_string() {
                job["status"] = "FAILED".into();
                job["statusReason"] = job["asked"].clone();
            }
        }
    }

    fn cluster(&self, id: Option<&str>) -> Option<&Value> {
        self.clusters
            .iter()
            .find(|cluster| cluster["Id"].as_str() == id)
    }

    fn run_job_flow(&mut self, body: &Value) -> Answer {
        let id = format!("j-{}", self.clusters.len() + 1);
        self.clusters.push(json!({
            "Id": id,
            "Name": body["Name"],
            "Applications": body["Applications"],
            "Status": { "State": "STARTING", "Timeline": { "CreationDateTime": self.now_s } },
        }));
        // Of others, in between.
        self.clusters.push(json!({
            "Id": format!("{id}x"),
            "Name": "Development Cluster",
            "Status": { "State": "WAITING", "Timeline": { "CreationDateTime": self.now_s } },
        }));
        Answer::Ok(json!({ "JobFlowId": id, "ClusterArn": "arn:aws:elasticmapreduce:…" }))
    }

    fn list_clusters(&self, body: &Value) -> Answer {
        let since = body["CreatedAfter"].as_f64().unwrap_or(0.0);
        let created = |one: &Value| one["Status"]["Timeline"]["CreationDateTime"].as_f64();
        let clusters = self
            .clusters
            .iter()
            .rev()
            .filter(|one| created(one) >= Some(since));
        page(
            self.page,
            "Clusters",
            "Marker",
            &body["Marker"],
            clusters.collect(),
        )
    }

    fn terminate_job_flows(&mut self, body: &Value) -> Answer {
        let ids = texts(&body["JobFlowIds"]);
        if ids.iter().any(|id| self.cluster(Some(id)).is_none()) {
            return wrong("Specified job flow ID does not exist.");
        }
        for cluster in self
            .clusters
            .iter_mut()
            .filter(|one| ids.contains(&text(one, "Id")))
        {
            if cluster["Status"]["State"] != "TERMINATED" {
                cluster["Status"]["State"] = "TERMINATING".into();
            }
        }
        Answer::Ok(json!({}))
    }

    fn add_job_flow_steps(&mut self, body: &Value) -> Answer {
        let cluster = self.cluster(body["JobFlowId"].as_str());
        let state = cluster.and_then(|cluster| cluster["Status"]["State"].as_str());
        if !matches!(state, Some("STARTING" | "WAITING")) {
            return wrong("A job flow that is shutting down may not be modified.");
        }
        let mut ids = Vec::new();
        for step in body["Steps"].as_array().into_iter().flatten() {
            let id = format!("s-{}", self.steps.len() + 1);
            self.steps.push(json!({
                "cluster": body["JobFlowId"],
                "Id": id,
                "Name": step["Name"],
                "ActionOnFailure": step["ActionOnFailure"],
                "Status": { "State": "PENDING", "Timeline": { "CreationDateTime": self.now_s } },
            }));
            ids.push(id);
        }
        Answer::Ok(json!({ "StepIds": ids }))
    }

    fn list_steps(&self, body: &Value) -> Answer {
        if self.cluster(body["ClusterId"].as_str()).is_none() {
            return wrong("Cluster id is not valid.");
        }
        let ids = texts(&body["StepIds"]);
        let of_cluster = |step: &&Value| step["cluster"] == body["ClusterId"];
        let steps: Vec<&Value> = self.steps.iter().rev().filter(of_cluster).collect();
        if ids
            .iter()
            .any(|id| steps.iter().all(|step| text(step, "Id") != *id))
        {
            return wrong("Step id is not valid.");
        }
        if ids.is_empty() {
            return page(self.page, "Steps", "Marker", &body["Marker"], steps);
        }
        let asked = steps
            .into_iter()
            .filter(|step| ids.contains(&text(step, "Id")));
        Answer::Ok(json!({ "Steps": asked.collect::<Vec<_>>() }))
    }

    fn cancel_steps(&mut self, body: &Value) -> Answer {
        let ids = texts(&body["StepIds"]);
        for step in self
            .steps
            .iter_mut()
            .filter(|step| ids.contains(&text(step, "Id")))
        {
            if matches!(
                step["Status"]["State"].as_str(),
                Some("PENDING" | "RUNNING")
            ) {
                step["Status"]["State"] = "CANCEL_PENDING".into();
            }
        }
        Answer::Ok(json!({ "CancelStepsInfoList": [] }))
    }

    fn submit_job(&mut self, body: &Value) -> Answer {
        let id = format!("job-{}", self.jobs.len() + 1);
        self.jobs.push(json!({
            "jobId": id,
            "jobName": body["jobName"],
            "jobQueue": body["jobQueue"],
            "status": "SUBMITTED",
            "startedAt": self.now_s * 1000,
            "createdAt": self.now_s * 1000,
            "jobDefinition": body["jobDefinition"],
        }));
        Answer::Ok(json!({ "jobId": id, "jobName": body["jobName"] }))
    }

    fn list_jobs(&self, body: &Value) -> Answer {
        let name = body["filters"][0]["values"][0].as_str().unwrap_or_default();
        let in_queue = |job: &&Value| {
            job["jobQueue"] == body["jobQueue"] && text(job, "jobName").eq_ignore_ascii_case(name)
        };
        let jobs = self.jobs.iter().filter(in_queue).collect();
        page(
            self.page,
            "jobSummaryList",
            "nextToken",
            &body["nextToken"],
            jobs,
        )
    }
}

fn wrong(message: &str) -> Answer {
    Answer::Error(400, "InvalidRequestException", message.to_owned())
}

/// One page of a list, and a token when there is more.
fn page(size: usize, list: &str, token: &str, from: &Value, items: Vec<&Value>) -> Answer {
    let from: usize = from
        .as_str()
        .and_then(|from| from.parse().ok())
        .unwrap_or(0);
    let to = (from + size).min(items.len());
    let mut answer = json!({ list: items[from..to] });
    if to < items.len() {
        answer[token] = to.to_string().into();
    }
    Answer::Ok(answer)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
