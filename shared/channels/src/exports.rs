//! Traces and lineage on their way to whoever keeps them: OTLP and OpenLineage over HTTP.
//!
//! Where they go is said by whoever runs the deployment, never by a team; it is https, or this very
//! machine. Must not know what a document says.

use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use ports::{Export, Exporter, NotifyError};
use tokio::time::Instant;

use crate::address::Address;
use crate::http::{Http, NoCertificates, Outgoing};
use crate::{Secret, answer, refused};

/// How long handing over may take, all in all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives the credentials of exports.
#[allow(async_fn_in_trait)] // as the ports
pub trait Keys {
    /// Reads one by its name: for traces headers, `name=value,name=value`; for lineage an API key.
    async fn read(&self, name: &str) -> Result<Secret, NotifyError>;

    /// Reads it anew next time: it was refused.
    fn forget(&self, name: &str);
}

/// Where one kind of document goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    address: Address,
    /// The name of its credential.
    secret: Option<String>,
}

/// An address is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing can be exported to `{url}`: {what}")]
pub struct ExportError {
    url: String,
    what: String,
}

/// Where traces and lineage go; nowhere unless it is said.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ExportSettings {
    pub traces: Option<Destination>,
    pub lineage: Option<Destination>,
}

impl Destination {
    /// A service by its base URL, to which the path of its protocol is added; `secret` names its
    /// credential.
    pub fn new(export: Export, url: &str, secret: Option<String>) -> Result<Self, ExportError> {
        let path = match export {
            Export::Traces => "/v1/traces",
            Export::Lineage => "/api/v1/lineage",
        };
        let address = Address::of_service(url, path).map_err(|what| ExportError {
            url: url.to_owned(),
            what,
        })?;
        Ok(Self { address, secret })
    }

    fn instead(self, url: &str) -> Result<Self, ExportError> {
        let address = self.address.instead(url).map_err(|what| ExportError {
            url: url.to_owned(),
            what,
        })?;
        Ok(Self { address, ..self })
    }
}

impl ExportSettings {
    /// Reads settings by the names of environment variables: `OTEL_EXPORTER_OTLP_ENDPOINT` and
    /// `OPENLINEAGE_URL`; `MURMUR_OTLP_HEADERS_SECRET` and `MURMUR_OPENLINEAGE_KEY_SECRET` name
    /// credentials. `MURMUR_ENDPOINT_URL_OTLP` and `MURMUR_ENDPOINT_URL_OPENLINEAGE` say where to
    /// connect instead, as for channels.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, ExportError> {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let destination = |export, [url, secret, instead]: [&str; 3]| {
            let Some(url) = get(url) else {
                return Ok(None);
            };
            let there = Destination::new(export, &url, get(secret))?;
            let there = match get(instead) {
                Some(instead) => there.instead(&instead)?,
                None => there,
            };
            Ok(Some(there))
        };
        let traces = [
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "MURMUR_OTLP_HEADERS_SECRET",
            "MURMUR_ENDPOINT_URL_OTLP",
        ];
        let lineage = [
            "OPENLINEAGE_URL",
            "MURMUR_OPENLINEAGE_KEY_SECRET",
            "MURMUR_ENDPOINT_URL_OPENLINEAGE",
        ];
        Ok(Self {
            traces: destination(Export::Traces, traces)?,
            lineage: destination(Export::Lineage, lineage)?,
        })
    }
}

/// Posts traces and lineage.
pub struct Collector<K> {
    keys: K,
    settings: ExportSettings,
    http: Http,
}

impl<K: Keys> Collector<K> {
    /// Reads the certificates of this machine.
    pub fn new(keys: K, settings: ExportSettings) -> Result<Self, NoCertificates> {
        let http = Http::new()?;
        Ok(Self {
            keys,
            settings,
            http,
        })
    }

    fn destination(&self, export: Export) -> Option<&Destination> {
        match export {
            Export::Traces => self.settings.traces.as_ref(),
            Export::Lineage => self.settings.lineage.as_ref(),
        }
    }

    async fn post(
        &self,
        to: &Address,
        headers: Vec<(HeaderName, HeaderValue)>,
        document: &str,
    ) -> Result<(), NotifyError> {
        // Whatever a service repeats of a credential is not repeated here.
        let words = headers.iter().filter_map(|(_, value)| {
            let word = value.to_str().ok()?.split_whitespace().next_back()?;
            Some(Secret::new(word))
        });
        let secrets: Vec<Secret> = words.collect();
        let body = document.as_bytes().to_vec();
        let until = Instant::now() + PATIENCE;
        let answered = self.http.post(to, Outgoing { headers, body }, until).await;
        let answered = answered.map_err(NotifyError::from)?;
        let said = answer::said(&answered, &Secret::new(""));
        let said = secrets.iter().fold(said, |said, one| one.hide(said));
        answer::failure(&to.authority, &answered, &said).map_or(Ok(()), Err)
    }
}

impl<K: Keys> Exporter for Collector<K> {
    fn takes(&self, export: Export) -> bool {
        self.destination(export).is_some()
    }

    async fn hand_over(&self, export: Export, document: &str) -> Result<(), NotifyError> {
        let Some(to) = self.destination(export) else {
            return Ok(());
        };
        let Some(name) = &to.secret else {
            return self.post(&to.address, Vec::new(), document).await;
        };
        let secret = self.keys.read(name).await?;
        let headers = match export {
            Export::Traces => headers(&secret),
            Export::Lineage => bearer(&secret),
        };
        let headers = headers.ok_or_else(|| refused(format!("the secret `{name}` is no header")));
        let posted = self.post(&to.address, headers?, document).await;
        if let Err(NotifyError::Refused { .. }) = &posted {
            // Whoever mends it is not kept waiting.
            self.keys.forget(name);
        }
        posted
    }
}

/// Headers as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value`, with commas between them, and
/// `%20` and the like in values.
fn headers(secret: &Secret) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let written = secret.expose().split(',').map(str::trim);
    let written = written.filter(|one| !one.is_empty());
    written
        .map(|one| {
            let (name, value) = one.split_once('=')?;
            let name = HeaderName::try_from(name.trim()).ok()?;
            Some((name, hidden(&decoded(value.trim())?)?))
        })
        .collect()
}

fn bearer(secret: &Secret) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let value = hidden(&format!("Bearer {}", secret.expose()))?;
    Some(vec![(AUTHORIZATION, value)])
}

/// A header's value that no `Debug` shows.
fn hidden(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A text with what stands for other bytes put back.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_opentelemetry_writes_them() {
        let read = |text: &str| {
            let headers = headers(&Secret::new(text))?;
            let written = headers.iter().map(|(name, value)| {
                assert!(value.is_sensitive());
                format!("{name}: {}", value.to_str().unwrap())
            });
            Some(written.collect::<Vec<_>>())
        };
        let two = ["authorization: Basic a=b", "x-tenant: one"].map(str::to_owned);
        let written = "Authorization=Basic%20a%3Db, X-Tenant = one,";
        assert_eq!(read(written), Some(two.to_vec()));
        assert_eq!(read(""), Some(vec![]));
        for wrong in ["no header", "a=%2", "a=%zz", "a b=c", "a=%0A"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn settings_are_those_of_opentelemetry_and_openlineage() {
        let read = |variables: &[(&str, &str)]| {
            ExportSettings::read(|name| {
                let mut all = variables.iter();
                let found = all.find(|(one, _)| *one == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(read(&[]).unwrap() == ExportSettings::default());
        assert!(read(&[("OPENLINEAGE_URL", "")]).unwrap() == ExportSettings::default());
        let both = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otlp.example.com"),
            ("OPENLINEAGE_URL", "http://localhost:5000/"),
            ("MURMUR_OPENLINEAGE_KEY_SECRET", "key"),
        ]);
        let both = both.unwrap();
        let traces = both.traces.unwrap();
        assert_eq!(traces.address.path, "/v1/traces");
        assert_eq!(traces.secret, None);
        let lineage = both.lineage.unwrap();
        assert_eq!(lineage.address.path, "/api/v1/lineage");
        assert_eq!(lineage.secret.as_deref(), Some("key"));
        let elsewhere = read(&[
            ("OPENLINEAGE_URL", "https://lineage.example.com/"),
            ("MURMUR_ENDPOINT_URL_OPENLINEAGE", "http://10.0.0.1:5000"),
        ]);
        let elsewhere = elsewhere.unwrap().lineage.unwrap().address;
        let connects = (elsewhere.host.as_str(), elsewhere.port, elsewhere.is_tls);
        assert_eq!(connects, ("10.0.0.1", 5000, false));
        assert_eq!(elsewhere.authority, "lineage.example.com");
        let wrong = read(&[("OPENLINEAGE_URL", "http://example.com")]).err();
        let said = "nothing can be exported to `http://example.com`: it does not begin with https://, and is not this machine";
        assert_eq!(wrong.unwrap().to_string(), said);
    }
}
