//! A webhook: the message as JSON, signed where the route names a secret.
//!
//! `X-Murmur-Signature: t=<seconds since 1970>,v1=<hex>`, where the hex is the HMAC-SHA256 of
//! `<t>.<body>` with the secret as key. Whoever receives it computes the same, compares in constant
//! time, and refuses what is older than some minutes.

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::{HeaderName, HeaderValue};
use model::post::Post;
use ports::NotifyError;
use sha2::Sha256;

use crate::address::Service;
use crate::http::Outgoing;
use crate::{Call, Secret, answer};

const SIGNATURE: HeaderName = HeaderName::from_static("x-murmur-signature");

/// Posts a message.
pub(crate) async fn post<S>(
    call: &Call<'_, S>,
    url: &str,
    secret: Option<&Secret>,
    post: &Post,
) -> Result<Option<String>, NotifyError> {
    let to = call.address(Service::Webhook, url)?;
    let body = serde_json::to_vec(post).expect("a post is plain data with text keys");
    let mut headers = Vec::new();
    if let Some(secret) = secret {
        let signed = signature(secret.expose(), call.now().as_second(), &body);
        let signed = HeaderValue::from_str(&signed).expect("it is digits and letters");
        headers.push((SIGNATURE, signed));
    }
    let answered = call.send(&to, Outgoing { headers, body }).await?;
    // Whatever else it says is no business of ours, and may hold anything.
    match answer::failure(&to.authority, &answered, "") {
        None => Ok(None),
        Some(error) => Err(error),
    }
}

fn signature(key: &str, at_s: i64, body: &[u8]) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    hmac.update(format!("{at_s}.").as_bytes());
    hmac.update(body);
    let digest = hmac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at_s},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_anybody_computes() {
        // printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac key
        let signed = signature("key", 1_767_225_600, br#"{"a":1}"#);
        let expected =
            "t=1767225600,v1=80f7b75f8618b9b24d72673996a625f1a43f7387a26b6739d667431724fe4d23";
        assert_eq!(signed, expected);
    }
}
