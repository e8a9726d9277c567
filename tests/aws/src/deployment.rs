//! The functions behind their inboxes, over an emulator's table, topic and queues, with a stand-in
//! for EMR and Batch.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws::compute::EmrSettings;
use aws::{DynamoStateStore, EmrBatchCompute, LambdaInbox, SnsSqsBus};
use aws_sdk_sqs::types::MessageSystemAttributeName;
use model::message::Function;
use ports::{ContentCache, Delivery, Nameless, Ports, Verdict};
use ports::{Unheard, Unprinted};
use serde_json::{Value, json};
use testkit::ManualClock;

use crate::calls::{Calls, Invocation};
use crate::stand_in::StandIn;
use crate::wire::Wire;
use crate::{bus_bench, emulator, table};

/// How many steps EMR lists on a page.
const EMR_PAGE: usize = 50;

/// A deployment with nothing in it.
pub struct Deployment {
    named: aws::Deployment,
    store: DynamoStateStore,
    bus: SnsSqsBus,
    compute: EmrBatchCompute,
    pub clock: ManualClock,
    /// Each function has a process of its own, which keeps its own.
    caches: BTreeMap<Function, ContentCache>,
    invoked: Cell<Function>,
    queues: aws_sdk_sqs::Client,
    queue_urls: BTreeMap<Function, String>,
    /// EMR and Batch.
    pub services: Arc<Mutex<StandIn>>,
    /// The same state, for looks that are not counted.
    pub state: DynamoStateStore,
    calls: Calls,
    /// What the functions were invoked with and called, without Lambda's poller.
    pub invocations: RefCell<Vec<Invocation>>,
}

impl Deployment {
    /// Makes table, topic, inboxes and dead letters.
    pub async fn new(name: &str, clock: ManualClock) -> Self {
        let config = emulator::config();
        let calls = Calls::default();
        let tables = aws_sdk_dynamodb::config::Builder::from(&config).interceptor(calls.clone());
        let tables = aws_sdk_dynamodb::Client::from_conf(tables.build());
        table::create(&tables, name).await;
        let bench = bus_bench::Bench::new(name).await;
        let topics = aws_sdk_sns::config::Builder::from(&config).interceptor(calls.clone());
        let topics = aws_sdk_sns::Client::from_conf(topics.build());
        let sending = aws_sdk_sqs::config::Builder::from(&config).interceptor(calls.clone());
        let sending = aws_sdk_sqs::Client::from_conf(sending.build());
        let queues = aws_sdk_sqs::Client::new(&config);
        for function in Function::ALL {
            let dead_letters = format!("{name}-{function}-dead-letters");
            let create = queues.create_queue().queue_name(dead_letters);
            create.send().await.unwrap();
        }
        let now_s = ports::Clock::now(&clock).as_second();
        let services = Arc::new(Mutex::new(StandIn::at(now_s)));
        let answering = services.clone();
        let wire = Wire::new(move |asked| answering.lock().unwrap().answer(asked)).config();
        let emr = aws_sdk_emr::config::Builder::from(&wire).interceptor(calls.clone());
        let emr = aws_sdk_emr::Client::from_conf(emr.build());
        let batch = aws_sdk_batch::config::Builder::from(&wire).interceptor(calls.clone());
        let batch = aws_sdk_batch::Client::from_conf(batch.build());
        let named: aws::Deployment = "murmur".parse().unwrap();
        let settings = EmrSettings {
            service_role: "murmur-emr".into(),
            instance_profile: "murmur-emr-machines".into(),
            subnet: None,
            log_uri: None,
        };
        let bus = SnsSqsBus::new(topics, sending, bench.topic_arn, bench.queue_urls.clone());
        Self {
            store: DynamoStateStore::new(tables, name),
            queue_urls: bench.queue_urls,
            bus,
            calls,
            state: DynamoStateStore::new(aws_sdk_dynamodb::Client::new(&config), name),
            compute: EmrBatchCompute::new(&wire, &named, Some(settings)).with_clients(emr, batch),
            named,
            clock,
            caches: Function::ALL
                .map(|one| (one, ContentCache::default()))
                .into(),
            invoked: Cell::new(Function::Operate),
            invocations: RefCell::default(),
            queues,
            services,
        }
    }

    /// Puts a body into an inbox, as EventBridge and its Scheduler do.
    pub async fn put(&self, inbox: Function, body: &Value) {
        let url = &self.queue_urls[&inbox];
        let send = self
            .queues
            .send_message()
            .queue_url(url)
            .message_body(body.to_string());
        send.send().await.unwrap();
    }

    /// Lets every function handle what is visible in its inbox, and the services go on by one
    /// state; says whether anything happened.
    pub async fn turn(&self, repeats: bool) -> bool {
        let happened = self.handle_one_batch_each(repeats).await;
        let events = self.services.lock().unwrap().go_on();
        self.tell(&events).await;
        happened || !events.is_empty()
    }

    /// Lets the functions handle everything there is, then the services go on by one state; says
    /// whether they did. Their events come in an order of no meaning.
    #[allow(dead_code)] // only where load is made
    pub async fn turn_under_load(&self) -> bool {
        self.drain().await;
        self.services.lock().unwrap().page = EMR_PAGE;
        let mut events = self.services.lock().unwrap().go_on();
        events.sort_by_key(|event| model::id::digest([event.to_string().as_str()]));
        self.tell(&events).await;
        !events.is_empty()
    }

    /// Lets the functions handle everything there is.
    #[allow(dead_code)] // only where load is made
    pub async fn drain(&self) {
        while self.handle_one_batch_each(false).await {}
    }

    async fn handle_one_batch_each(&self, repeats: bool) -> bool {
        let mut happened = false;
        for function in Function::ALL {
            happened |= self.invoke(function, repeats).await;
        }
        happened
    }

    /// Tells the services' events as their rules do, which are after those states only.
    async fn tell(&self, events: &[Value]) {
        for event in events {
            let inbox = match event["detail-type"].as_str().unwrap() {
                "EMR Cluster State Change" => Function::RecordCluster,
                _ => Function::ObserveTask,
            };
            self.put(inbox, event).await;
        }
    }

    /// Invokes a function as Lambda's poller does, and once more with the same batch if it is to
    /// be repeated; says whether there was anything.
    async fn invoke(&self, function: Function, repeats: bool) -> bool {
        let url = &self.queue_urls[&function];
        let request = self
            .queues
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let messages = request.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            return false;
        }
        let record = |message: &aws_sdk_sqs::types::Message| {
            json!({
                "messageId": message.message_id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": { "ApproximateReceiveCount": received(message) },
            })
        };
        let event = json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() });
        let queues = self.queues.clone();
        let dead_letters_url = format!("{url}-dead-letters");
        let inbox = LambdaInbox::new(self.named.clone(), queues, url, dead_letters_url);
        let handle = async |batch| handle(function, self, batch).await;
        self.invoked.set(function);
        self.calls.take();
        let begun_s = processor_s();
        let mut answer = inbox
            .take(serde_json::from_value(event.clone()).unwrap(), &handle)
            .await;
        self.invocations.borrow_mut().push(Invocation {
            function,
            messages: messages.len(),
            first: messages.iter().filter(|one| received(one) == "1").count(),
            bytes: messages
                .iter()
                .filter_map(|one| one.body.as_ref())
                .map(String::len)
                .sum(),
            processor_s: processor_s() - begun_s,
            calls: self.calls.take(),
        });
        if repeats {
            answer = inbox
                .take(serde_json::from_value(event).unwrap(), &handle)
                .await;
        }
        let returning = answer.batch_item_failures;
        for message in messages {
            let id = message.message_id.unwrap();
            if returning.iter().all(|one| one.item_identifier != id) {
                let handle = message.receipt_handle.unwrap();
                let delete = self
                    .queues
                    .delete_message()
                    .queue_url(url)
                    .receipt_handle(handle);
                delete.send().await.unwrap();
            }
        }
        true
    }

    /// What was put aside.
    pub async fn dead_letters(&self) -> Vec<String> {
        let mut letters = Vec::new();
        for url in self.queue_urls.values() {
            let url = format!("{url}-dead-letters");
            let request = self.queues.receive_message().queue_url(url);
            let messages = request.send().await.unwrap().messages.unwrap_or_default();
            letters.extend(messages.into_iter().filter_map(|message| message.body));
        }
        letters
    }

    /// How many steps and jobs there are.
    pub fn submitted(&self) -> usize {
        let services = self.services.lock().unwrap();
        services.steps.len() + services.jobs.len()
    }

    /// How often the services were asked one thing.
    pub fn asked(&self, what: &str) -> usize {
        let services = self.services.lock().unwrap();
        services
            .asked
            .iter()
            .filter(|asked| asked.what == what)
            .count()
    }
}

/// How often a message was received.
fn received(message: &aws_sdk_sqs::types::Message) -> &str {
    let attributes = message.attributes.as_ref().unwrap();
    &attributes[&MessageSystemAttributeName::ApproximateReceiveCount]
}

/// The processor time of this thread, on which everything runs.
fn processor_s() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let nanoseconds = i32::try_from(time.tv_nsec).unwrap();
    let seconds = i32::try_from(time.tv_sec).unwrap();
    f64::from(seconds) + f64::from(nanoseconds) / 1e9
}

async fn handle<P: Ports>(function: Function, ports: &P, batch: Vec<Delivery>) -> Vec<Verdict> {
    match function {
        Function::StartRun => start_run::handle(ports, batch).await,
        Function::AdvanceRun => advance_run::handle(ports, batch).await,
        Function::SubmitTask => submit_task::handle(ports, batch).await,
        Function::ObserveTask => observe_task::handle(ports, batch).await,
        Function::ProvisionCluster => provision_cluster::handle(ports, batch).await,
        Function::RecordCluster => record_cluster::handle(ports, batch).await,
        Function::TerminateCluster => terminate_cluster::handle(ports, batch).await,
        Function::Operate => operate::handle(ports, batch).await,
        Function::Reconcile => reconcile::handle(ports, batch).await,
        Function::Alert => alert::handle(ports, &Unheard, &Unprinted, batch).await,
        Function::ExportRuns => panic!("nobody has switched it on"),
    }
}

impl Ports for Deployment {
    type Store = DynamoStateStore;
    type Bus = SnsSqsBus;
    type Compute = EmrBatchCompute;
    type Clock = ManualClock;
    type Names = Nameless;

    fn store(&self) -> &DynamoStateStore {
        &self.store
    }
    fn bus(&self) -> &SnsSqsBus {
        &self.bus
    }
    fn compute(&self) -> &EmrBatchCompute {
        &self.compute
    }
    fn clock(&self) -> &ManualClock {
        &self.clock
    }
    fn names(&self) -> &Nameless {
        &Nameless
    }
    fn cache(&self) -> &ContentCache {
        &self.caches[&self.invoked.get()]
    }
}

impl StandIn {
    /// Moves everything on by one state; gives the services' events of it.
    fn go_on(&mut self) -> Vec<Value> {
        let time = model::Timestamp::from_second(self.now_s)
            .unwrap()
            .to_string();
        let event = |kind: &str, detail: Value| json!({ "version": "0", "detail-type": kind, "time": time, "detail": detail });
        let mut events = Vec::new();
        for cluster in &mut self.clusters {
            let next = match cluster["Status"]["State"].as_str().unwrap() {
                "STARTING" => "WAITING",
                "TERMINATING" => "TERMINATED",
                _ => continue,
            };
            cluster["Status"]["State"] = next.into();
            cluster["MasterPublicDnsName"] = "ip-10-0-1-17.ec2.internal".into();
            let detail = json!({
                "name": cluster["Name"], "clusterId": cluster["Id"], "state": next,
                "stateChangeReason": "{\"code\":\"\"}",
            });
            events.push(event("EMR Cluster State Change", detail));
        }
        for step in &mut self.steps {
            let next = match step["Status"]["State"].as_str().unwrap() {
                "PENDING" => "RUNNING",
                "RUNNING" => "COMPLETED",
                _ => continue,
            };
            step["Status"]["State"] = next.into();
            let detail = json!({
                "stepId": step["Id"], "name": step["Name"], "clusterId": step["cluster"],
                "state": next, "actionOnFailure": "CONTINUE",
            });
            events.push(event("EMR Step Status Change", detail));
        }
        for job in &mut self.jobs {
            let definition = job["jobDefinition"].as_str().unwrap();
            let next = match (job["status"].as_str().unwrap(), definition) {
                ("SUBMITTED", _) => "RUNNING",
                ("RUNNING", _) if job["asked"].is_string() => "FAILED",
                ("RUNNING", "endless") => continue,
                ("RUNNING", "fails") => "FAILED",
                ("RUNNING", _) => "SUCCEEDED",
                _ => continue,
            };
            job["status"] = next.into();
            if next == "FAILED" {
                job["statusReason"] = job["asked"].clone();
                job["container"] = json!({ "exitCode": 3 });
            }
            let queue = job["jobQueue"].as_str().unwrap();
            let detail = json!({
                "jobName": job["jobName"], "jobId": job["jobId"], "status": next,
                "statusReason": job["statusReason"], "container": job["container"],
                "jobQueue": format!("arn:aws:batch:us-east-1:123456789012:job-queue/{queue}"),
            });
            events.push(event("Batch Job State Change", detail));
        }
        events
    }
}
