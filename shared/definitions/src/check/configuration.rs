//! EMR classifications: their references to secrets.

use model::name::Name;

use crate::code::Code;
use crate::diagnostic::Findings;
use crate::read::{Map, ShortOr, Text};
use crate::source::At;
use crate::written::Configuration;

/// Checks a classification and those within it.
pub(super) fn check(configuration: &Configuration, findings: &mut Findings<'_>) {
    let inner = configuration.Configurations.iter().flatten();
    let properties = inner.map(|inner| &inner.Properties);
    let properties = properties.chain([&configuration.Properties]).flatten();
    for (_, property) in properties.flat_map(Map::values) {
        if let ShortOr::Long(reference) = property
            && let Some(secret) = reference.secret.get()
        {
            check_secret(secret, findings);
        }
    }
}

/// A name within the team leads to no secret of another.
pub(super) fn check_secret(secret: &At<Text>, findings: &mut Findings<'_>) {
    if let Err(error) = Name::new(&secret.value.0) {
        let help = if secret.value.0.contains(['/', ':']) {
            "write the name alone; `<deployment>/<team>/` is put before it, so that no team reads another's secrets"
        } else {
            "write the name of a secret, never the secret itself"
        };
        findings
            .error(Code::BadName, secret.at, error.to_string())
            .help(help);
    }
}
