//! Names in Route 53, against the emulator.

use aws::Route53Names;
use aws::names::Zone;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::RrType;
use ports::Names as _;
use testkit::contract::names::{self, NamesBench};

use crate::emulator;
use crate::wire::{Answer, Wire};

struct Bench {
    names: Route53Names,
    client: Client,
    zone: String,
}

impl Bench {
    async fn new() -> Self {
        let config = emulator::config();
        let client = Client::new(&config);
        static ZONES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = ZONES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("clusters-{number}.example.com");
        let created = client
            .create_hosted_zone()
            .name(&name)
            .caller_reference(&name)
            .send()
            .await
            .unwrap();
        let id = created.hosted_zone.unwrap().id;
        let id = id.trim_start_matches("/hostedzone/").to_owned();
        let zone = Zone {
            id: id.clone(),
            // As Route 53 itself writes it.
            name: format!("{name}."),
        };
        Self {
            names: Route53Names::new(&config, Some(zone)),
            client,
            zone: id,
        }
    }
}

impl NamesBench for Bench {
    type Names = Route53Names;

    fn names(&self) -> &Route53Names {
        &self.names
    }

    async fn host(&self, name: &str) -> Option<String> {
        let listed = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(&self.zone)
            .send()
            .await
            .unwrap();
        let full = format!("{name}.");
        let mut records = listed
            .resource_record_sets
            .into_iter()
            .filter(|record| record.name == full);
        let record = records.next()?;
        assert_eq!(records.next(), None, "one record of each name");
        assert_eq!((record.r#type, record.ttl), (RrType::Cname, Some(30)));
        Some(record.resource_records.unwrap()[0].value.clone())
    }
}

#[tokio::test]
async fn names_in_route_53_keep_the_contract() {
    names::all(Bench::new).await;
}

#[tokio::test]
async fn a_zone_that_does_not_answer_is_an_error() {
    let wire = Wire::new(|_| Answer::Broken);
    let zone = Zone {
        id: "Z1".into(),
        name: "clusters.example.com".into(),
    };
    let names = Route53Names::new(&wire.config(), Some(zone));
    let refused = names.point("a.b.clusters.example.com", "host").await;
    let reason = refused.unwrap_err().to_string();
    assert!(reason.contains("the connection was reset"), "{reason}");
}

#[test]
fn without_a_zone_there_are_no_names() {
    let names = Route53Names::new(&Wire::new(|_| Answer::Broken).config(), None);
    assert_eq!(names.name_of(&"energy/analytics".parse().unwrap()), None);
}
