//! Running a check, and telling what came of it.

use std::fmt::Write as _;
use std::time::Instant;

use stateright::{Checker as _, Expectation, HasDiscoveries, Model as _};

use crate::check::{Action, Check, Protocol};
use crate::mutant::Mutant;
use crate::process::Next;
use crate::world::World;

/// More steps than any check may take: what has more is not small, or never ends.
const MOST_STATES: usize = 60_000_000;

/// What a check came to.
pub struct Findings {
    pub states: usize,
    /// Whether there are no others.
    pub is_all: bool,
    pub seconds: f64,
    /// Which properties broke, each with its story.
    pub broken: Vec<(&'static str, String)>,
    /// What should happen sometimes and never did.
    pub missing: Vec<&'static str>,
}

impl<P: Protocol> Check<P> {
    /// Looks at every state that can be reached; with a mistake, until it shows.
    pub fn run(self) -> Findings {
        let started = Instant::now();
        let has_mistake = self.mutant != Mutant::Right;
        let mut builder = self.clone().checker();
        if has_mistake {
            builder = builder.finish_when(HasDiscoveries::AnyFailures);
        }
        let checker = builder.target_state_count(MOST_STATES).spawn_bfs().join();
        let discoveries = checker.discoveries();
        let mut broken = Vec::new();
        let mut missing = Vec::new();
        for property in self.properties() {
            let found = discoveries.get(property.name);
            match (&property.expectation, found) {
                (Expectation::Always | Expectation::Eventually, Some(path)) => {
                    let story = self.story(&path.clone().into_vec());
                    broken.push((property.name, story));
                }
                (Expectation::Sometimes, None) => missing.push(property.name),
                (Expectation::Always | Expectation::Eventually, None)
                | (Expectation::Sometimes, Some(_)) => {}
            }
        }
        Findings {
            states: checker.unique_state_count(),
            is_all: checker.state_count() < MOST_STATES,
            seconds: started.elapsed().as_secs_f64(),
            broken,
            missing,
        }
    }

    /// What happened, line by line.
    fn story(&self, path: &[(World, Option<Action>)]) -> String {
        let mut story = String::new();
        for (world, action) in path {
            let Some(action) = action else { continue };
            let line = match action {
                Action::Deliver { letter, again } => {
                    let copy = if *again { ", and stays" } else { "" };
                    format!("{} is delivered{copy}", world.letters[*letter].words())
                }
                Action::Step { process, fate } => {
                    let running = &world.processes[*process];
                    match running.next() {
                        Next::Call(call) => {
                            let who = running.letter.words();
                            format!("{who}: {} → {fate:?}", call.words())
                        }
                        Next::End(verdict) => format!("{verdict:?}"),
                    }
                }
                Action::Wait
                | Action::Freeze
                | Action::Job { .. }
                | Action::Land
                | Action::ClusterEnds { .. }
                | Action::Sweep
                | Action::Own(_) => format!("{action:?}"),
            };
            let _ = writeln!(story, "  {:>6} {line}", world.now % 100_000);
        }
        story
    }
}
