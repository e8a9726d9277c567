//! The process compute against what every compute must do.

use local::compute::ProcessCompute;
use local::compute_events::LocalCompute;
use model::Timestamp;
use model::task::Place;
use model::units::Seconds;
use model::work::{JobSpec, Work};
use ports::Clock;
use std::time::Duration;
use testkit::contract::compute::{ComputeBench, all};

use crate::machine::{HandClock, Machine, configuration, queue, ready};

const ENDLESS: [&str; 2] = ["sleep", "1000"];

/// How far ahead is soon: time-outs and auto-termination are not.
const SOON: Seconds = Seconds::minutes(10);

impl ComputeBench for Machine {
    type Compute = ProcessCompute<HandClock>;

    fn compute(&self) -> &Self::Compute {
        &self.compute
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn settle(&self) {
        let end = SOON.after(self.clock.now());
        loop {
            let now = self.clock.now();
            self.compute.advance(now, &mut Vec::new()).unwrap();
            match self.compute.next_timer() {
                Some(timer) if timer > end => return,
                None => return,
                // What was signalled has a moment to end before the clock moves on.
                Some(timer) if !self.compute.wait(Duration::from_millis(20)) => {
                    self.clock.set(timer);
                }
                Some(_) => {}
            }
        }
    }

    fn endless_step(&self) -> Work {
        let argv = ENDLESS.map(String::from).into();
        Work::Step { argv }
    }

    fn endless_job(&self) -> Work {
        Work::Job(JobSpec {
            definition: "any".into(),
            command: ENDLESS.map(String::from).into(),
            ..JobSpec::default()
        })
    }

    fn queue(&self) -> Place {
        queue()
    }
}

#[test]
fn the_process_compute_keeps_the_contract() {
    ready(all(async || Machine::new(configuration())));
}
