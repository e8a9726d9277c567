//! Values that definitions refer to, from Secrets Manager (rule 22).
//!
//! A value lives for the one call it is for. It is in no item, fact, log line or error; whatever a
//! service says about that call goes through [`Values::hide`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError};
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use model::definition::SecretReference;
use model::name::{Name, TeamName};
use ports::SubmitError;

use crate::Deployment;

/// What stands in a text where a value was.
const HIDDEN: &str = "[secret]";

/// Codes of secrets that cannot be read however often they are asked for.
const WRONG: [&str; 6] = [
    "AccessDeniedException",
    "DecryptionFailure",
    "InvalidParameterException",
    "InvalidRequestException",
    "ResourceNotFoundException",
    "ValidationException",
];

/// Reads secrets of teams, `<deployment>/<team>/<name>`: no team reaches another's.
#[derive(Debug, Clone)]
pub struct TeamSecrets {
    config: SdkConfig,
    /// Made when it is first needed: most clusters have no secrets.
    client: OnceLock<Client>,
}

impl TeamSecrets {
    /// Uses Secrets Manager.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            config: config.clone(),
            client: OnceLock::new(),
        }
    }

    /// Reads what a team refers to, each secret once.
    pub async fn read(
        &self,
        deployment: &Deployment,
        team: &TeamName,
        references: BTreeSet<&SecretReference>,
    ) -> Result<Values, SubmitError> {
        let mut wholes: BTreeMap<&Name, String> = BTreeMap::new();
        let mut values = BTreeMap::new();
        for reference in references {
            let id = format!("{deployment}/{team}/{}", reference.secret);
            let whole = match wholes.get(&reference.secret) {
                Some(whole) => whole,
                None => {
                    let whole = self.whole(&id).await?;
                    wholes.entry(&reference.secret).or_insert(whole)
                }
            };
            let value = part(whole, reference.field.as_deref())
                .map_err(|what| refused(format!("the secret `{id}` {what}")))?;
            values.insert(reference.clone(), value);
        }
        Ok(Values(values))
    }

    /// Reads one, as a whole.
    pub(crate) async fn whole(&self, id: &str) -> Result<String, SubmitError> {
        let client = self.client.get_or_init(|| Client::new(&self.config));
        let request = client.get_secret_value().secret_id(id);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| unread(id, error))?;
        answer
            .secret_string
            .ok_or_else(|| refused(format!("the secret `{id}` is no text")))
    }
}

/// Values by what refers to them.
pub struct Values(BTreeMap<SecretReference, String>);

impl Values {
    /// No values, for who refers to none.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a reference that was read.
    pub fn get(&self, reference: &SecretReference) -> Option<&str> {
        self.0.get(reference).map(String::as_str)
    }

    /// Takes the values out of a text.
    pub fn hide(&self, text: &str) -> String {
        let mut values: Vec<&String> = self.0.values().filter(|value| !value.is_empty()).collect();
        // One may be part of another.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let hide = |text: String, value: &String| text.replace(value.as_str(), HIDDEN);
        values.into_iter().fold(text.to_owned(), hide)
    }
}

/// A field of a secret, or all of it; else what is wrong with the secret.
fn part(whole: &str, field: Option<&str>) -> Result<String, String> {
    let Some(field) = field else {
        return Ok(whole.to_owned());
    };
    // The parser's own words may quote the secret.
    let read = serde_json::from_str(whole).map_err(|_| "is no JSON object")?;
    let serde_json::Value::Object(mut fields) = read else {
        return Err("is no JSON object".into());
    };
    match fields.remove(field) {
        Some(serde_json::Value::String(text)) => Ok(text),
        Some(serde_json::Value::Number(number)) => Ok(number.to_string()),
        Some(serde_json::Value::Bool(bool)) => Ok(bool.to_string()),
        Some(_) => Err(format!("has a field `{field}` that is no text")),
        None => Err(format!("has no field `{field}`")),
    }
}

fn refused(reason: String) -> SubmitError {
    SubmitError::Refused { reason }
}

/// A secret that is missing or denied stays so until somebody mends it; anything else passes, and
/// nothing has taken effect.
fn unread(id: &str, error: SdkError<GetSecretValueError, HttpResponse>) -> SubmitError {
    if let Some(code) = error.code().filter(|code| WRONG.contains(code)) {
        let said = error.message().unwrap_or("no reason given");
        return refused(format!("the secret `{id}` cannot be read: {code}: {said}"));
    }
    let said = DisplayErrorContext(error);
    SubmitError::Throttled {
        reason: format!("the secret `{id}` cannot be read now: {said}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_taken_out_of_a_json_object() {
        let whole = r#"{ "password": "p", "port": 3306, "ssl": true, "hosts": ["a"] }"#;
        let cases = [
            (whole, Some("password"), Ok("p")),
            (whole, Some("port"), Ok("3306")),
            (whole, Some("ssl"), Ok("true")),
            (
                whole,
                Some("hosts"),
                Err("has a field `hosts` that is no text"),
            ),
            (whole, Some("user"), Err("has no field `user`")),
            ("plain", Some("user"), Err("is no JSON object")),
            (r#""plain""#, Some("user"), Err("is no JSON object")),
            ("plain", None, Ok("plain")),
        ];
        for (whole, field, expected) in cases {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(part(whole, field), expected, "{field:?}");
        }
    }

    #[test]
    fn values_are_hidden_wherever_they_are_quoted_the_longest_first() {
        let reference = |field: &str| SecretReference {
            secret: "metastore".parse().unwrap(),
            field: Some(field.to_owned()),
        };
        let values = Values(BTreeMap::from([
            (reference("a"), "hunter".to_owned()),
            (reference("b"), "hunter2".to_owned()),
            (reference("c"), String::new()),
        ]));
        let hidden = values.hide("hunter2 is wrong, and so is hunter");
        assert_eq!(hidden, "[secret] is wrong, and so is [secret]");
    }
}
