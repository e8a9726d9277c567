//! Mappings: with keys of ours, declared by `written!`, or with names of the user's.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Read, wrong_kind};
use crate::code::Code;
use crate::diagnostic::Findings;
use crate::source::{At, Span};
use crate::yaml::{Entry, Kind, Node};

/// Declares structs that are read from mappings whose keys are the fields.
macro_rules! written {
    ($(
        $(#[$meta:meta])*
        pub(crate) struct $name:ident {
            $($(#[$field_meta:meta])* $field:ident: $type:ty,)+
        }
    )+) => {$(
        #[derive(Debug, Clone, PartialEq, schemars::JsonSchema)]
        $(#[$meta])*
        #[schemars(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$field_meta])* pub(crate) $field: $type,)+
        }

        impl $crate::read::Read for $name {
            #[allow(non_snake_case)] // some keys are words of others
            fn read(
                node: &$crate::yaml::Node,
                findings: &mut $crate::diagnostic::Findings<'_>,
            ) -> Option<Self> {
                const KEYS: &[&str] = &[$(stringify!($field)),+];
                let mapping = $crate::read::Mapping::open(node, KEYS, findings)?;
                $(let $field = mapping.take(stringify!($field), findings);)+
                Some(Self { $($field: $field?),+ })
            }
        }
    )+};
}
pub(crate) use written;

/// A mapping with keys of ours.
pub(crate) struct Mapping<'node> {
    entries: &'node [Entry],
    mark: Span,
    /// Keys that were probably meant by unknown ones; they are not reported as missing, too.
    meant: Vec<&'static str>,
}

/// How a field's key is written: a raw identifier without its mark.
fn key_of(field: &str) -> &str {
    field.trim_start_matches("r#")
}

impl<'node> Mapping<'node> {
    /// Opens a mapping and reports the keys it should not have.
    pub(crate) fn open(
        node: &'node Node,
        keys: &[&'static str],
        findings: &mut Findings<'_>,
    ) -> Option<Self> {
        let keys = keys.iter().map(|field| key_of(field));
        let Kind::Mapping(entries) = &node.kind else {
            let all = keys
                .map(|key| format!("`{key}`"))
                .collect::<Vec<_>>()
                .join(", ");
            wrong_kind(node, findings, "a mapping", &format!("its keys are {all}"));
            return None;
        };
        let mut meant = Vec::new();
        for entry in entries {
            let key = entry.key.value.as_str();
            if keys.clone().any(|known| known == key) {
                continue;
            }
            let closest = findings.suggestions.closest(key, keys.clone());
            meant.extend(keys.clone().filter(|known| closest == Some(known)));
            let help = findings.suggestions.help(key, keys.clone());
            let message = format!("there is no key `{key}` here");
            findings
                .error(Code::UnknownKey, entry.key.at, message)
                .maybe_help(help);
        }
        Some(Self {
            entries,
            mark: node.mark,
            meant,
        })
    }

    /// Reads the value of a key.
    pub(crate) fn take<T: Read>(&self, field: &str, findings: &mut Findings<'_>) -> Option<T> {
        let key = key_of(field);
        match self.entries.iter().find(|entry| entry.key.value == key) {
            Some(entry) => T::read(&entry.value, findings),
            None => T::absent().or_else(|| {
                if !self.meant.contains(&key) {
                    let message = format!("`{key}` is missing here");
                    findings
                        .error(Code::MissingKey, self.mark, message)
                        .help(format!("add `{key}:`"));
                }
                T::unread(self.mark)
            }),
        }
    }
}

/// A mapping whose keys are names of the user's, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Map<T> {
    /// A value is `None` when it could not be read; its key is kept, so that what refers to it is
    /// not reported, too.
    pub(crate) entries: Vec<(At<String>, Option<T>)>,
}

impl<T> Map<T> {
    /// The entries whose values could be read.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&At<String>, &T)> {
        self.entries
            .iter()
            .filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }
}

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<T: Read> Read for Map<T> {
    fn read(node: &Node, findings: &mut Findings<'_>) -> Option<Self> {
        let Kind::Mapping(entries) = &node.kind else {
            wrong_kind(
                node,
                findings,
                "a mapping",
                "write `name: value`, one a line",
            );
            return None;
        };
        let read = |entry: &Entry| (entry.key.clone(), T::read(&entry.value, findings));
        Some(Self {
            entries: entries.iter().map(read).collect(),
        })
    }
}

impl<T: JsonSchema> JsonSchema for Map<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Map_of_{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
