//! Credentials: read where they are kept, never shown.

use std::fmt;

use model::name::TeamName;
use ports::NotifyError;

/// What stands in a text where a credential was.
const HIDDEN: &str = "[secret]";

/// What is shorter than this is not looked for in texts: it would be in too many.
const SHORTEST: usize = 6;

/// Gives the credentials of routes.
#[allow(async_fn_in_trait)] // as the ports
pub trait Secrets {
    /// Reads one by its name within a team.
    async fn read(&self, team: &TeamName, name: &str) -> Result<Secret, NotifyError>;

    /// Reads it anew next time: it was refused.
    fn forget(&self, team: &TeamName, name: &str);
}

/// A credential; neither `Debug` nor `Display` says it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a credential as it is stored; what surrounds it, such as a line's end, is no part of it.
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The credential itself, for the request it is for.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Takes it out of what an error says.
    pub(crate) fn hide_in(&self, error: NotifyError) -> NotifyError {
        let hide = |reason: String| self.hide(reason);
        match error {
            NotifyError::Throttled { after, reason } => NotifyError::Throttled {
                after,
                reason: hide(reason),
            },
            NotifyError::Unavailable { reason } => NotifyError::Unavailable {
                reason: hide(reason),
            },
            NotifyError::Refused { reason } => NotifyError::Refused {
                reason: hide(reason),
            },
            NotifyError::Unknown { reason } => NotifyError::Unknown {
                reason: hide(reason),
            },
        }
    }

    /// Takes it out of a text.
    pub(crate) fn hide(&self, text: String) -> String {
        if self.0.len() < SHORTEST {
            return text;
        }
        // Of an address its path is what is secret.
        let path = self.0.split_once("://").and_then(|(_, rest)| {
            let path = rest.split_once('/')?.1;
            (path.len() >= SHORTEST).then_some(path)
        });
        let text = text.replace(&self.0, HIDDEN);
        match path {
            Some(path) => text.replace(path, HIDDEN),
            None => text,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_in_no_debug_and_in_no_error() {
        let cases = [
            ("xoxb-canary-1", "refused xoxb-canary-1"),
            (
                "https://hooks.slack.com/services/T0/canary",
                "no host: services/T0/canary",
            ),
        ];
        for (text, said) in cases {
            let secret = Secret::new(&format!("{text}\n"));
            assert_eq!(format!("{secret:?}"), HIDDEN);
            for error in [
                NotifyError::Refused {
                    reason: said.into(),
                },
                NotifyError::Unknown {
                    reason: said.into(),
                },
                NotifyError::Unavailable {
                    reason: said.into(),
                },
                NotifyError::Throttled {
                    after: model::units::Seconds(1),
                    reason: said.into(),
                },
            ] {
                let said = secret.hide_in(error).to_string();
                assert!(!said.contains("canary"), "{said}");
            }
        }
    }
}
