//! The engine's side of the process compute: one look after another.

use std::sync::Arc;
use std::time::Duration;

use model::Timestamp;
use ports::{Clock, ComputeError};
use rustix::process::Signal;

use super::directory::Command;
use super::process::{Process, Signalled, any_ended};
use super::service::{ProcessCompute, Services};
use super::state::{Hold, State, StateError, Unit};
use super::turn::{Effect, Turn};
use super::{clusters, work};
use crate::compute_events::{LocalCompute, Mark, ObservationSink};

/// How soon to look again at what cannot be waited for.
const SOON: Duration = Duration::from_millis(100);

/// How long between SIGKILLs.
const KILL_AGAIN: Duration = Duration::from_secs(1);

impl From<StateError> for ComputeError {
    fn from(error: StateError) -> Self {
        Self {
            reason: error.to_string(),
        }
    }
}

impl<C: Clock> LocalCompute for ProcessCompute<C> {
    fn advance(
        &self,
        now: Timestamp,
        sink: &mut dyn ObservationSink,
    ) -> Result<Mark, ComputeError> {
        let mut services = self.lock();
        services.reap();
        let ((), effects) = services.try_change(now, look)?;
        // Only what the effects themselves leave undone is due again.
        services.look = false;
        for effect in effects {
            if let Err(error) = services.carry_out(effect, now) {
                // What was not carried out is decided again from what the disk says.
                services.forget();
                return Err(error.into());
            }
        }
        Ok(services.emit(now, sink)?)
    }

    fn acknowledge(&self, mark: Mark) -> Result<(), ComputeError> {
        let mut services = self.lock();
        let Services {
            state,
            acknowledged,
            ..
        } = &mut *services;
        // Without a state everything is read, and hence emitted, again: at least once.
        if let Some(state) = state {
            state.events.retain(|sequence, waiting| {
                let done = waiting.emitted.is_some_and(|emitted| emitted <= mark.0);
                if done {
                    acknowledged.push(*sequence);
                }
                !done
            });
        }
        Ok(())
    }

    fn in_flight(&self) -> usize {
        let services = self.lock();
        services.state.iter().flat_map(State::units).count()
    }

    fn next_timer(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let services = self.lock();
        let Some(state) = services.state.as_ref().filter(|_| !services.look) else {
            return Some(now);
        };
        let events = state.events.values();
        let due = events
            .filter(|waiting| waiting.emitted.is_none())
            .map(|waiting| waiting.event.due.unwrap_or(now));
        let clusters = state.clusters.values();
        let changes = clusters.filter_map(|cluster| clusters::next_timer(cluster, &state.open));
        let work = state.open.values().filter_map(work::next_timer);
        let unseen = state.units().any(|unit| match &unit.hold {
            Hold::Starting | Hold::Failed(_) => true,
            Hold::Started(process) => process.handle().is_none(),
        });
        let soon = unseen.then(|| later(now, SOON));
        due.chain(changes).chain(work).chain(soon).min()
    }

    fn wait(&self, at_most: Duration) -> bool {
        let handles: Vec<_> = {
            let services = self.lock();
            let units = services.state.iter().flat_map(State::units);
            let handles = units.filter_map(|unit| match &unit.hold {
                Hold::Started(process) => process.handle(),
                Hold::Starting | Hold::Failed(_) => None,
            });
            handles.map(Arc::clone).collect()
        };
        any_ended(&handles, at_most)
    }
}

/// Moves everything to where it is now.
fn look(state: &mut State, turn: &mut Turn<'_>) -> Result<(), StateError> {
    clusters::forward(state, turn);
    work::collect(state, turn)?;
    work::stop(state, turn)?;
    work::start(state, turn);
    clusters::note_activity(state, turn);
    state.open.retain(|_, open| !open.row.state.is_terminal());
    Ok(())
}

impl Services {
    fn carry_out(&mut self, effect: Effect, now: Timestamp) -> Result<(), StateError> {
        match effect {
            Effect::Start { sequence, index } => self.start(sequence, index),
            Effect::Signal {
                sequence,
                index,
                signal,
            } => self.signal(sequence, index, signal, now),
        }
    }

    fn start(&mut self, sequence: u64, index: u32) -> Result<(), StateError> {
        let supervisor = self.supervisor.clone();
        let data = self.data.clone();
        let Some(open) = self.state()?.open.get_mut(&sequence) else {
            return Ok(());
        };
        let directory = open.directory(&data, index);
        let launch = open.row.launch_of(index);
        let Some(unit) = open.running.get_mut(&index) else {
            return Ok(());
        };
        let command = Command {
            launch,
            started_at: unit.started_at,
        };
        let written = directory.write_command(&command).map_err(Into::into);
        let started = written.and_then(|()| Process::start(directory, &supervisor));
        unit.hold = match started {
            Ok(process) => Hold::Started(process),
            Err(error) => Hold::Failed(error.to_string()),
        };
        Ok(())
    }

    fn signal(
        &mut self,
        sequence: u64,
        index: u32,
        signal: Signal,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let open = self.state()?.open.get_mut(&sequence);
        let unit = open.and_then(|open| open.running.get_mut(&index));
        let Some(Unit {
            hold: Hold::Started(process),
            stopping: Some(stopping),
            ..
        }) = unit
        else {
            return Ok(());
        };
        match process.signal(signal)? {
            Signalled::NotYet => stopping.next_at = later(now, SOON),
            Signalled::Yes => {
                stopping.reached = true;
                stopping.next_at = if signal == Signal::KILL {
                    later(now, KILL_AGAIN)
                } else {
                    stopping.kill_from
                };
            }
        }
        Ok(())
    }

    fn emit(&mut self, now: Timestamp, sink: &mut dyn ObservationSink) -> Result<Mark, StateError> {
        let mut emitted = self.emitted;
        for waiting in self.state()?.events.values_mut() {
            if waiting.emitted.is_none() && waiting.event.due.is_none_or(|due| due <= now) {
                emitted += 1;
                waiting.emitted = Some(emitted);
                sink.emit(waiting.event.inbox, waiting.event.message.clone());
            }
        }
        self.emitted = emitted;
        Ok(Mark(emitted))
    }
}

/// An instant so much later, or the last there is.
fn later(instant: Timestamp, by: Duration) -> Timestamp {
    instant.saturating_add(by).unwrap_or(Timestamp::MAX)
}
