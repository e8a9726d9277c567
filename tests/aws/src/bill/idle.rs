//! A month in which nothing happens, item by item.

use model::message::{Function, Message};
use serde::Serialize;
use testkit::{ManualClock, instant};

use crate::deployment::Deployment;
use crate::ledger::{Ledger, Units};
use crate::load::SWEEP_S;
use crate::prices::{Dollars, Prices};

/// One item of the month.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    pub what: String,
    pub dollars: f64,
}

/// Every item. The look of reconcile's is counted by having it look at an empty deployment.
pub async fn month(prices: &Prices) -> Vec<Item> {
    let assumed = &prices.assumed;
    let count = |count: usize| f64::from(u32::try_from(count).unwrap());
    let always = Function::ALL.iter().filter(|one| !one.is_optional());
    let inboxes = count(always.count());
    let minutes = f64::from(assumed.hours_per_month) * 60.0;
    let receives = f64::from(assumed.empty_receives_per_minute_and_inbox) * minutes * inboxes;
    let looks = minutes * 60.0 / count(usize::try_from(SWEEP_S).unwrap());
    let look = look(prices).await;
    let look = Dollars::of(&look, prices).total() * looks;
    let per = &prices.per_month;
    let alarms = 2.0 * inboxes + 3.0;
    let logs = looks * f64::from(assumed.log_bytes_per_invocation) / 1e9;
    let logs = logs * (per.log_gigabyte_taken + per.log_gigabyte_kept);
    let million = |units: f64, price: f64| units * price / 1e6;
    let empty = million(receives, prices.per_million.queue_request);
    let item = |what: String, dollars: f64| Item { what, dollars };
    vec![
        item(format!("empty receives of {inboxes} inboxes"), empty),
        item(
            format!("{alarms} alarms: letters set aside, messages that wait, and three more"),
            alarms * per.alarm,
        ),
        item(
            format!("{looks:.0} looks of reconcile's, with their ticks"),
            look,
        ),
        item(
            format!(
                "{} GB of table, with point-in-time recovery",
                assumed.table_gigabytes
            ),
            assumed.table_gigabytes * (per.table_gigabyte + per.recovery_gigabyte),
        ),
        item("logs of the looks".to_owned(), logs),
        item("keys: all are AWS's own".to_owned(), 0.0 * per.key),
    ]
}

/// What one look takes.
async fn look(prices: &Prices) -> Units {
    let clock = ManualClock::at(instant("2026-03-01T04:30:00Z"));
    let deployment = Deployment::new("bill-idle", clock).await;
    let sweep = serde_json::to_value(Message::Sweep).unwrap();
    deployment.put(Function::Reconcile, &sweep).await;
    deployment.drain().await;
    let invocations = deployment.invocations.take();
    let mut ledger = Ledger::default();
    let mut units = Units {
        // Sent by the schedule, received, deleted.
        queue_requests: 3.0,
        ticks: 1.0,
        ..Units::default()
    };
    for invocation in &invocations {
        units.invocations += 1.0;
        units.gigabyte_seconds += prices.gigabyte_seconds(invocation);
        for call in &invocation.calls {
            units.add(&ledger.take(call));
        }
    }
    units
}
