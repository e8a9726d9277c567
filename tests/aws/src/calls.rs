//! Records the calls that go out to AWS, and the invocations they belong to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use model::message::Function;

/// One try of a call.
#[derive(Debug, Clone)]
pub struct Call {
    pub service: String,
    pub operation: String,
    pub request: String,
    pub answer: String,
    /// Whether the service did it.
    pub taken: bool,
}

/// One invocation of a function with a batch, with the calls it made.
#[derive(Debug, Clone)]
#[allow(dead_code)] // the bill uses more of it
pub struct Invocation {
    pub function: Function,
    /// How many messages it was given.
    pub messages: usize,
    /// How many of them came for the first time.
    pub first: usize,
    /// The bytes of their bodies.
    pub bytes: usize,
    /// Processor time of this process, calls and stand-ins included, in seconds.
    pub processor_s: f64,
    pub calls: Vec<Call>,
}

/// Records every call, retries included.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// The calls since they were last taken.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// How many calls there were of each operation.
pub fn by_operation<'a>(calls: impl IntoIterator<Item = &'a Call>) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for call in calls {
        *counts.entry(call.operation.clone()).or_default() += 1;
    }
    counts
}

/// Which of the recorded calls a try is.
#[derive(Debug)]
struct Number(usize);

impl Storable for Number {
    type Storer = StoreReplace<Self>;
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let called = bag.load::<Metadata>();
        let call = Call {
            service: called.map_or("unknown", Metadata::service).to_owned(),
            operation: called.map_or("unknown", Metadata::name).to_owned(),
            request: text(context.request().body()),
            answer: String::new(),
            taken: false,
        };
        let mut calls = self.0.lock().unwrap();
        bag.interceptor_state().store_put(Number(calls.len()));
        calls.push(call);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(response), Some(Number(number))) = (context.response(), bag.load::<Number>())
        else {
            return Ok(());
        };
        let mut calls = self.0.lock().unwrap();
        // Taken meanwhile, if it is not there.
        if let Some(call) = calls.get_mut(*number) {
            call.answer = text(response.body());
            call.taken = response.status().is_success();
        }
        Ok(())
    }
}

fn text(body: &SdkBody) -> String {
    let bytes = body.bytes().unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
