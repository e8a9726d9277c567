//! Over TLS, to who can show that it is who it says, and to nobody else.

use std::time::Duration;

use channels::{Channels, RootCertStore, Settings};
use model::name::TeamName;
use model::post::PostKind;
use ports::{Notifier as _, NotifyError};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::server::{Asked, Server};
use super::{Known, by_token, now, post, said_ok};

/// An authority of the test's own, and a server of the name `localhost` that it vouches for.
fn vouched() -> (RootCertStore, ServerConfig) {
    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, "an authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let issuer = Issuer::new(authority, key);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &issuer).unwrap();
    let private = PrivateKeyDer::try_from(own_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], private)
        .unwrap();
    (roots, config)
}

async fn posted(
    server: &Server,
    url: &str,
    roots: RootCertStore,
) -> (Result<Option<String>, NotifyError>, Vec<Asked>) {
    let settings = Settings {
        slack: Some(url.to_owned()),
        patience: Duration::from_secs(5),
        ..Settings::default()
    };
    let channels = Channels::trusting(Known, settings, now, roots).unwrap();
    let team: TeamName = "weather".parse().unwrap();
    let post = post(PostKind::Opened, None);
    let result = channels.post(&team, &by_token(), &post).await;
    (result, server.asked())
}

#[tokio::test]
async fn who_is_vouched_for_is_posted_to() {
    let (roots, config) = vouched();
    let server = Server::start_tls(config, [said_ok()]).await;
    let (result, asked) = posted(&server, &server.url, roots).await;
    assert!(result.is_ok_and(|reference| reference.is_some()));
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/api/chat.postMessage");
}

#[tokio::test]
async fn who_is_not_vouched_for_or_of_another_name_hears_nothing() {
    let (roots, config) = vouched();
    let (others, _) = vouched();
    let server = Server::start_tls(config, []).await;
    let by_number = server.url.replace("localhost", "127.0.0.1");
    for (url, roots) in [(server.url.clone(), others), (by_number, roots)] {
        let (result, asked) = posted(&server, &url, roots).await;
        let is_unsent = matches!(result, Err(NotifyError::Unavailable { .. }));
        assert!(is_unsent, "{url}: {result:?}");
        assert!(asked.is_empty());
    }
}
