//! The operation's item: written before anything is done, closed after everything is.

use model::Timestamp;
use model::fact::{Fact, FactBody, OperationFact};
use model::key::Key;
use model::message::Message;
use model::operation::{Operation, OperationRequest, OperationState};
use ports::{Clock as _, CommitError, EventBus as _, Ports, StateStore as _, Trouble};
use ports::{TypedStore as _, Versioned, Write};

/// An operation that is being carried out.
pub(crate) struct Opened {
    /// The fact that asked for it.
    fact: Fact,
    stored: Versioned<Operation>,
}

impl Opened {
    /// Finds what is recorded of the operation, or records it. What was asked for first under an
    /// id is what counts.
    pub async fn find_or_create<P: Ports>(
        ports: &P,
        fact: Fact,
        request: OperationRequest,
    ) -> Result<Self, Trouble> {
        let key = Key::Operation(request.operation.clone());
        if let Some(stored) = ports.store().get::<Operation>(&key).await? {
            if stored.value.request != request {
                tracing::warn!(operation = %request.operation, "asked for twice, differently");
            }
            return Ok(Self { fact, stored });
        }
        let operation = Operation {
            request,
            state: OperationState::Accepted,
            result: None,
            generation: None,
            cursor: None,
            done_at: None,
        };
        ports
            .store()
            .commit(vec![Write::create(&operation)])
            .await?;
        let id = &operation.request.operation;
        tracing::info!(operation = %id, by = operation.request.by, "operation accepted");
        Ok(Self {
            fact,
            stored: Versioned {
                value: operation,
                version: 1,
            },
        })
    }

    /// The message that goes on with it.
    pub fn message(&self) -> Message {
        Message::Fact(self.fact.clone())
    }

    /// What is asked for.
    pub fn request(&self) -> &OperationRequest {
        &self.stored.value.request
    }

    /// Where it is.
    pub fn state(&self) -> OperationState {
        self.stored.value.state
    }

    /// The generation that is its own.
    pub fn generation(&self) -> Option<u32> {
        self.stored.value.generation
    }

    /// How far a backfill has come.
    pub fn cursor(&self) -> Option<Timestamp> {
        self.stored.value.cursor
    }

    /// Remembers which generation is its own.
    pub async fn note_generation<P: Ports>(
        &mut self,
        ports: &P,
        generation: u32,
    ) -> Result<(), Trouble> {
        if self.generation() == Some(generation) {
            return Ok(());
        }
        let noted = Operation {
            generation: Some(generation),
            ..self.stored.value.clone()
        };
        self.write(ports, noted).await
    }

    /// Remembers how far it has come.
    pub async fn note_cursor<P: Ports>(
        &mut self,
        ports: &P,
        cursor: Timestamp,
    ) -> Result<(), Trouble> {
        let noted = Operation {
            cursor: Some(cursor),
            ..self.stored.value.clone()
        };
        self.write(ports, noted).await
    }

    /// Says what it waits for.
    pub async fn note<P: Ports>(&mut self, ports: &P, waits: String) -> Result<(), Trouble> {
        if self.stored.value.result.as_ref() == Some(&waits) {
            return Ok(());
        }
        let noted = Operation {
            result: Some(waits),
            ..self.stored.value.clone()
        };
        self.write(ports, noted).await
    }

    /// Says how it ended, and publishes that.
    pub async fn close<P: Ports>(
        mut self,
        ports: &P,
        state: OperationState,
        result: String,
    ) -> Result<(), Trouble> {
        let operation = &self.request().operation;
        tracing::info!(%operation, ?state, result, "operation ended");
        let closed = Operation {
            state,
            result: Some(result),
            done_at: Some(ports.clock().now()),
            ..self.stored.value.clone()
        };
        self.write(ports, closed).await?;
        self.publish(ports).await
    }

    /// Publishes how it ended.
    pub async fn publish<P: Ports>(&self, ports: &P) -> Result<(), Trouble> {
        let operation = &self.stored.value;
        let body = FactBody::OperationDone(OperationFact {
            operation: operation.request.operation.clone(),
            by: operation.request.by.clone(),
            done: operation.state == OperationState::Done,
            result: operation.result.clone().unwrap_or_default(),
        });
        let time = operation.done_at.unwrap_or(operation.request.at);
        let (team, workflow) = (self.fact.team.clone(), self.fact.workflow.clone());
        Ok(ports
            .bus()
            .publish(vec![Fact::new(team, workflow, time, body)])
            .await?)
    }

    async fn write<P: Ports>(&mut self, ports: &P, next: Operation) -> Result<(), Trouble> {
        let write = Write::replace(&next, Some(self.stored.version));
        match ports.store().commit(vec![write]).await {
            Ok(()) => {
                self.stored = Versioned {
                    value: next,
                    version: self.stored.version + 1,
                };
                Ok(())
            }
            // A duplicate is at work; it is begun again with what that one recorded.
            Err(CommitError::Conflict) => Err(Trouble::Conflict),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
