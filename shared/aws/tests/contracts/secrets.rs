//! Secrets that clusters refer to: what reaches EMR, and what never reaches anyone else.

use std::sync::{Arc, Mutex};

use aws_sdk_secretsmanager::Client;
use model::definition::{Configuration, Property, SecretReference};
use ports::{ClusterRequest, Compute as _, SubmitError};
use serde_json::{Value, json};

use crate::job_flow::{self, compute};
use crate::wire::{Answer, Asked, Wire};
use crate::{emulator, wire};

const PASSWORD: &str = "tr0ub\"4dor\\3";

/// A cluster that refers to two fields of one secret, and to all of another.
fn request() -> ClusterRequest {
    let mut request = job_flow::request();
    let secret = |secret: &str, field: Option<&str>| {
        Property::Secret(SecretReference {
            secret: secret.parse().unwrap(),
            field: field.map(str::to_owned),
        })
    };
    let properties = [
        ("ConnectionUserName", secret("metastore", Some("user"))),
        ("ConnectionPassword", secret("metastore", Some("password"))),
        ("ConnectionURL", Property::Text("jdbc:mysql://host".into())),
    ];
    let inner = Configuration {
        classification: "inner".into(),
        properties: [("token".to_owned(), secret("token", None))].into(),
        ..Configuration::default()
    };
    request.cluster.emr.configurations = vec![Configuration {
        classification: "hive-site".into(),
        properties: properties
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
        configurations: vec![inner],
    }];
    request
}

fn metastore() -> Value {
    json!({ "user": "hive", "password": PASSWORD })
}

/// Answers as Secrets Manager with these secrets, and as EMR.
fn services(
    secrets: impl Fn(&str) -> Answer + Send + 'static,
    emr: impl Fn() -> Answer + Send + 'static,
) -> (Wire, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let wire = Wire::new(move |asked| {
        seen.lock().unwrap().push(asked.clone());
        match asked.what.as_str() {
            "GetSecretValue" => secrets(asked.body["SecretId"].as_str().unwrap()),
            "RunJobFlow" => emr(),
            other => panic!("{other}"),
        }
    });
    (wire, asked)
}

fn kept(id: &str) -> Answer {
    match id {
        "murmur/weather/metastore" => {
            Answer::Ok(json!({ "SecretString": metastore().to_string() }))
        }
        "murmur/weather/token" => Answer::Ok(json!({ "SecretString": "plain-token" })),
        other => panic!("{other}"),
    }
}

fn taken() -> Answer {
    Answer::Ok(json!({ "JobFlowId": "j-1" }))
}

fn expected_configurations() -> Value {
    json!([{
        "Classification": "hive-site",
        "Properties": {
            "ConnectionURL": "jdbc:mysql://host",
            "ConnectionUserName": "hive",
            "ConnectionPassword": PASSWORD,
        },
        "Configurations": [{
            "Classification": "inner",
            "Properties": { "token": "plain-token" },
        }],
    }])
}

#[tokio::test]
async fn emr_is_told_the_values_and_each_secret_is_read_once() {
    let (wire, asked) = services(kept, taken);
    let id = compute(&wire.config()).request_cluster(&request()).await;
    assert_eq!(id.unwrap().as_str(), "j-1");
    let asked = asked.lock().unwrap();
    let calls: Vec<&str> = asked.iter().map(|asked| asked.what.as_str()).collect();
    assert_eq!(calls, ["GetSecretValue", "GetSecretValue", "RunJobFlow"]);
    assert_eq!(asked[2].body["Configurations"], expected_configurations());
}

#[tokio::test]
async fn the_emulator_s_secrets_reach_emr() {
    let config = emulator::config();
    let client = Client::new(&config);
    for (name, value) in [
        ("murmur/weather/metastore", metastore().to_string()),
        ("murmur/weather/token", "plain-token".to_owned()),
    ] {
        let created = client.create_secret().name(name).secret_string(value);
        created.send().await.unwrap();
    }
    let (wire, asked) = services(|id| panic!("{id}: the emulator is asked"), taken);
    let emr = aws_sdk_emr::Client::new(&wire.config());
    let compute = job_flow::compute_over(&config, emr);
    compute.request_cluster(&request()).await.unwrap();
    let told = asked.lock().unwrap()[0].body["Configurations"].clone();
    assert_eq!(told, expected_configurations());
    // Another team's cluster finds none of them.
    let mut foreign = request();
    let other = "sales--etl--20260301t050000z--1";
    foreign.instance = other.parse().unwrap();
    let refused = compute.request_cluster(&foreign).await.unwrap_err();
    let SubmitError::Refused { reason } = &refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("`murmur/sales/metastore`"), "{reason}");
    assert_eq!(asked.lock().unwrap().len(), 1, "EMR is not asked again");
}

#[tokio::test]
async fn a_secret_that_is_wrong_refuses_the_request_with_its_name() {
    let denied = || {
        let denied = "User: arn:aws:sts::1:assumed-role/x is not authorized";
        Answer::Error(400, "AccessDeniedException", denied.into())
    };
    let missing = || {
        let missing = "Secrets Manager can't find the specified secret.";
        Answer::Error(400, "ResourceNotFoundException", missing.into())
    };
    let text = |text: &'static str| Answer::Ok(json!({ "SecretString": text }));
    let cases: [(&dyn Fn() -> Answer, &str); 5] = [
        (&denied, "cannot be read: AccessDeniedException: User"),
        (&missing, "cannot be read: ResourceNotFoundException"),
        (&|| text("no-json-secret"), "is no JSON object"),
        (&|| text(r#"{ "user": "hive" }"#), "has no field `password`"),
        (
            &|| Answer::Ok(json!({ "SecretBinary": "c2VjcmV0" })),
            "is no text",
        ),
    ];
    for (answer, expected) in cases {
        let answer = Mutex::new(Some(answer()));
        let (wire, asked) = services(
            move |_| answer.lock().unwrap().take().expect("one is wrong"),
            taken,
        );
        let refused = compute(&wire.config()).request_cluster(&request()).await;
        let Err(SubmitError::Refused { reason }) = refused else {
            panic!("{refused:?}");
        };
        assert!(
            reason.contains("`murmur/weather/metastore`") && reason.contains(expected),
            "{reason}"
        );
        assert!(!reason.contains("no-json-secret"), "{reason}");
        let asked = asked.lock().unwrap();
        assert!(asked.iter().all(|asked| asked.what != "RunJobFlow"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_lets_the_request_come_back() {
    let cases: [fn() -> wire::Answer; 3] = [
        || Answer::Error(400, "ThrottlingException", "slow down".into()),
        || Answer::Error(500, "InternalServiceError", "later".into()),
        || Answer::Broken,
    ];
    for answer in cases {
        let (wire, asked) = services(move |_| answer(), taken);
        let compute = compute(&wire.config());
        let refused = compute.request_cluster(&request()).await;
        assert!(
            matches!(refused, Err(SubmitError::Throttled { .. })),
            "{refused:?}"
        );
        let asked = asked.lock().unwrap();
        assert!(asked.iter().all(|asked| asked.what == "GetSecretValue"));
    }
}

#[tokio::test]
async fn what_emr_says_about_a_request_tells_no_value() {
    let quoting = |status, code: &'static str| {
        move || {
            let said = format!("Invalid value {PASSWORD} for ConnectionPassword, plain-token");
            Answer::Error(status, code, said)
        }
    };
    for (status, code) in [
        (400, "ValidationException"),
        (400, "ThrottlingException"),
        (500, "InternalServerException"),
    ] {
        let (wire, _) = services(kept, quoting(status, code));
        let refused = compute(&wire.config()).request_cluster(&request()).await;
        let said = format!("{refused:?}");
        assert!(said.contains(code), "{said}");
        assert!(said.contains("Invalid value [secret] for"), "{said}");
        assert!(
            !said.contains("tr0ub") && !said.contains("plain-token"),
            "{said}"
        );
    }
}
