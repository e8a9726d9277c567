//! The topic and the inboxes, with their faults.

use model::fact::Fact;
use model::message::{Function, Message};
use ports::bus::MAX_DELAY;
use ports::{BusError, EventBus, Outgoing};

use super::{PlatformPorts, Point};
use crate::platform::faults::Fault;

impl PlatformPorts {
    async fn sends(&self) -> Result<(), BusError> {
        self.turn(Point::BeforeEffect).await;
        if self.shared.faults.strikes(Fault::BusThrottles) {
            return Err(failed("not sent"));
        }
        Ok(())
    }

    async fn sent(&self) -> Result<(), BusError> {
        self.turn(Point::AfterEffect).await;
        if self.shared.faults.strikes(Fault::BusAnswerLost) {
            return Err(failed("sent, the answer is lost"));
        }
        Ok(())
    }
}

impl EventBus for PlatformPorts {
    async fn publish(&self, facts: Vec<Fact>) -> Result<(), BusError> {
        for fact in facts {
            self.sends().await?;
            let now = self.shared.now();
            self.shared.watch.published(&fact, now);
            for function in Function::subscribers(fact.body.type_name()) {
                if *function == Function::Alert && !self.shared.hears {
                    continue;
                }
                let letter = (now, *function, Message::Fact(fact.clone()));
                self.shared.mail.borrow_mut().push(letter);
            }
            self.sent().await?;
        }
        Ok(())
    }

    async fn send(&self, inbox: Function, messages: Vec<Outgoing>) -> Result<(), BusError> {
        for Outgoing { message, delay } in messages {
            if delay > MAX_DELAY {
                return Err(failed("a delay is too long"));
            }
            self.sends().await?;
            let visible = delay.after(self.shared.now());
            self.shared.watch.sent(delay, visible);
            self.shared
                .mail
                .borrow_mut()
                .push((visible, inbox, message));
            self.sent().await?;
        }
        Ok(())
    }
}

fn failed(reason: &str) -> BusError {
    BusError {
        reason: format!("simulated: {reason}"),
    }
}
