//! Places of runs: what a run held is free once it has ended, and others go on.

#![allow(clippy::unwrap_used)] // a failed test is what it is for

use model::limit::{LimitRef, Place, QueueRef, SizedLimit, Waiter};
use model::message::{Function, Message};
use model::run::RunState;
use ports::{Clock as _, Ports as _};
use protocols::limits::{self, Holder, Seats};
use testkit::{TestPorts, block_on, flow};

#[test]
fn as_many_wait_no_more_as_places_are_freed() {
    // A run that slept before it took a place may have two.
    for held in 0..3_u32 {
        let ports = TestPorts::new();
        let now = ports.clock().now();
        let workflow = flow::workflow(&[("a", &[], "")]);
        let mut run = flow::seed_run(&ports.store, &workflow, now);
        let limit: LimitRef = "team-runs/team".parse().unwrap();
        run.state = RunState::Succeeded;
        run.limits = vec![SizedLimit {
            limit: limit.clone(),
            size: 2,
        }];
        ports.store.seed(&run);
        for number in 0..held {
            ports.store.seed(&Place {
                limit: limit.clone(),
                number,
                holder: run.run.to_string(),
                epoch: 1,
                since: now,
                timeout_at: None,
                due_at: None,
            });
        }
        for holder in ["first", "second", "third"] {
            ports.store.seed(&Waiter {
                queue: QueueRef::Limit(limit.clone()),
                holder: holder.into(),
                priority: 0,
                since: now,
                inbox: Function::StartRun,
                message: Box::new(Message::Sweep),
            });
        }
        block_on(limits::free_run(&ports, &run)).unwrap();
        assert!(ports.store.all::<Place>().is_empty());
        let released = 3 - ports.store.all::<Waiter>().len();
        // Whoever freed the place before may have crashed before it released anybody.
        assert_eq!(released, held.max(1) as usize, "{held}");
    }
}

#[test]
fn who_finds_a_limit_full_leaves_an_active_run_its_places() {
    for (state, kept) in [(RunState::Running, 1), (RunState::Waiting, 0)] {
        let ports = TestPorts::new();
        let now = ports.clock().now();
        let workflow = flow::workflow(&[("a", &[], "")]);
        let mut run = flow::seed_run(&ports.store, &workflow, now);
        run.state = state;
        ports.store.seed(&run);
        let limit = |text: &str, size| SizedLimit {
            limit: text.parse().unwrap(),
            size,
        };
        let (open, full) = (limit("team-runs/team", 2), limit("backfill/op-1", 0));
        ports.store.seed(&Place {
            limit: open.limit.clone(),
            number: 0,
            holder: run.run.to_string(),
            epoch: 1,
            since: now,
            timeout_at: None,
            due_at: None,
        });
        let holder = Holder {
            name: run.run.as_str(),
            epoch: 1,
            now,
            timeout_at: None,
        };
        let seats = block_on(limits::take_each(&ports, &[open, full.clone()], &holder)).unwrap();
        assert!(matches!(seats, Seats::Full(limit) if limit == full));
        assert_eq!(ports.store.all::<Place>().len(), kept, "{state:?}");
    }
}
