//! RunJobFlow requests: what definitions say, as EMR wants it.

use std::sync::{Arc, Mutex};

use aws::EmrBatchCompute;
use aws::compute::EmrSettings;
use model::cluster::InstanceKey;
use model::definition::{
    BootstrapAction, CatchUp, Cluster, EmrSpec, InstanceGroup, Instances, ManagedScaling,
    ScheduleSpec,
};
use model::units::Seconds;
use ports::{ClusterRequest, Compute as _};
use serde_json::{Value, json};

use crate::wire::{Answer, Wire};

/// The smallest cluster there is.
pub fn request() -> ClusterRequest {
    let instance: InstanceKey = "weather--etl--20260301t050000z--1".parse().unwrap();
    let schedule = |expression: &str| ScheduleSpec {
        expression: expression.into(),
        timezone: "UTC".into(),
        catch_up: CatchUp::default(),
    };
    let cluster = Cluster {
        team: instance.cluster.team.clone(),
        name: instance.cluster.name.clone(),
        description: None,
        provision: schedule("cron(0 5 * * ? *)"),
        terminate: schedule("cron(0 8 * * ? *)"),
        drain: Seconds::minutes(30),
        tags: [("purpose".to_owned(), "etl".to_owned())].into(),
        step_concurrency: 10,
        replacements: 1,
        emr: EmrSpec {
            release: "emr-7.9.0".into(),
            applications: vec!["Spark".into(), "Hive".into()],
            instances: Instances {
                primary: machines(&["m7g.xlarge"], 1, 0),
                ..Instances::default()
            },
            auto_termination: Seconds::hours(1),
            ..EmrSpec::default()
        },
    };
    ClusterRequest { instance, cluster }
}

fn machines(types: &[&str], count: u32, spot_percent: u8) -> InstanceGroup {
    InstanceGroup {
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        count,
        spot_percent,
        volume_gib: None,
    }
}

/// What EMR is asked.
async fn asked(request: &ClusterRequest) -> Result<Value, String> {
    let asked = Arc::new(Mutex::new(Value::Null));
    let seen = asked.clone();
    let wire = Wire::new(move |asked| {
        *seen.lock().unwrap() = asked.body.clone();
        Answer::Ok(json!({ "JobFlowId": "j-1" }))
    });
    let config = wire.config();
    let settings = EmrSettings {
        service_role: "murmur-emr".into(),
        instance_profile: "murmur-emr-machines".into(),
        subnet: Some("subnet-1".into()),
        log_uri: Some("s3://logs/".into()),
    };
    let emr = aws_sdk_emr::Client::new(&config);
    let batch = aws_sdk_batch::Client::new(&config);
    let compute = EmrBatchCompute::new("murmur".parse().unwrap(), emr, batch, Some(settings));
    let id = compute
        .request_cluster(request)
        .await
        .map_err(|error| error.to_string())?;
    assert_eq!(id.as_str(), "j-1");
    let body = asked.lock().unwrap().clone();
    Ok(body)
}

#[tokio::test]
async fn a_small_cluster_has_groups_and_what_the_deployment_gives() {
    let expected = json!({
        "Name": "murmur--weather--etl--20260301t050000z--1",
        "ReleaseLabel": "emr-7.9.0",
        "LogUri": "s3://logs/",
        "ServiceRole": "murmur-emr",
        "JobFlowRole": "murmur-emr-machines",
        "Applications": [{ "Name": "Spark" }, { "Name": "Hive" }],
        "AutoTerminationPolicy": { "IdleTimeout": 3600 },
        "StepConcurrencyLevel": 10,
        "VisibleToAllUsers": true,
        "Tags": [
            { "Key": "purpose", "Value": "etl" },
            { "Key": "murmur:deployment", "Value": "murmur" },
            { "Key": "murmur:instance", "Value": "weather--etl--20260301t050000z--1" },
            { "Key": "murmur:team", "Value": "weather" },
            { "Key": "murmur:cluster", "Value": "etl" },
        ],
        "Instances": {
            "KeepJobFlowAliveWhenNoSteps": true,
            "TerminationProtected": false,
            "Ec2SubnetId": "subnet-1",
            "InstanceGroups": [{
                "InstanceRole": "MASTER",
                "InstanceType": "m7g.xlarge",
                "InstanceCount": 1,
                "Market": "ON_DEMAND",
            }],
        },
    });
    assert_eq!(asked(&request()).await.unwrap(), expected);
}

#[tokio::test]
async fn a_share_of_spot_makes_fleets() {
    let mut request = request();
    let emr = &mut request.cluster.emr;
    emr.subnet = Some("subnet-2".into());
    emr.instances.core = Some(machines(&["r7g.2xlarge"], 100, 80));
    emr.instances.task = Some(InstanceGroup {
        volume_gib: Some(200),
        ..machines(&["m7g.xlarge", "m6g.xlarge"], 3, 50)
    });
    emr.instances.managed_scaling = Some(ManagedScaling {
        minimum: 2,
        maximum: 120,
    });
    let asked = asked(&request).await.unwrap();
    let instances = &asked["Instances"];
    assert_eq!(instances["Ec2SubnetIds"], json!(["subnet-2"]));
    assert_eq!(
        instances.get("InstanceGroups"),
        None,
        "EMR takes only one kind"
    );
    let fleets = instances["InstanceFleets"].as_array().unwrap();
    let counts: Vec<(&str, i64, i64)> = fleets
        .iter()
        .map(|fleet| {
            let count = |name: &str| fleet[name].as_i64().unwrap();
            let kind = fleet["InstanceFleetType"].as_str().unwrap();
            (
                kind,
                count("TargetOnDemandCapacity"),
                count("TargetSpotCapacity"),
            )
        })
        .collect();
    assert_eq!(counts, [("MASTER", 1, 0), ("CORE", 20, 80), ("TASK", 1, 2)]);
    assert_eq!(
        fleets[0].get("LaunchSpecifications"),
        None,
        "without Spot there is no search"
    );
    let spot = &fleets[1]["LaunchSpecifications"]["SpotSpecification"];
    assert_eq!(spot["TimeoutAction"], "SWITCH_TO_ON_DEMAND");
    let types = fleets[2]["InstanceTypeConfigs"].as_array().unwrap();
    assert_eq!(types.len(), 2);
    let device = &types[0]["EbsConfiguration"]["EbsBlockDeviceConfigs"][0];
    assert_eq!(
        device["VolumeSpecification"],
        json!({ "VolumeType": "gp3", "SizeInGB": 200 })
    );
    let limits = json!({
        "UnitType": "InstanceFleetUnits",
        "MinimumCapacityUnits": 2,
        "MaximumCapacityUnits": 120,
    });
    assert_eq!(asked["ManagedScalingPolicy"]["ComputeLimits"], limits);
}

#[tokio::test]
async fn all_of_spot_stays_a_group() {
    let mut request = request();
    request.cluster.emr.instances.core = Some(machines(&["r7g.2xlarge"], 5, 100));
    let asked = asked(&request).await.unwrap();
    let core = &asked["Instances"]["InstanceGroups"][1];
    assert_eq!(
        (&core["InstanceRole"], &core["Market"]),
        (&json!("CORE"), &json!("SPOT"))
    );
}

#[tokio::test]
async fn configurations_go_as_they_are_written() {
    let mut request = request();
    let emr = &mut request.cluster.emr;
    emr.security_configuration = Some("encrypted".into());
    emr.log_uri = Some("s3://own/".into());
    emr.bootstrap_actions = vec![BootstrapAction {
        name: "tools".into(),
        script: "s3://jobs/tools.sh".into(),
        args: vec!["--quiet".into()],
    }];
    emr.configurations = vec![json!({
        "Classification": "hive-site",
        "Properties": {
            "javax.jdo.option.ConnectionURL": "jdbc:mysql://metastore:3306/hive",
            "javax.jdo.option.ConnectionPassword": "EMR.secret@arn:aws:secretsmanager:…",
            "hive.exec.parallel": true,
            "hive.exec.parallel.thread.number": 8,
        },
        "Configurations": [{ "Classification": "export", "Properties": {} }],
    })];
    let asked = asked(&request).await.unwrap();
    let expected = json!([{
        "Classification": "hive-site",
        "Properties": {
            "javax.jdo.option.ConnectionURL": "jdbc:mysql://metastore:3306/hive",
            "javax.jdo.option.ConnectionPassword": "EMR.secret@arn:aws:secretsmanager:…",
            "hive.exec.parallel": "true",
            "hive.exec.parallel.thread.number": "8",
        },
        "Configurations": [{ "Classification": "export" }],
    }]);
    assert_eq!(asked["Configurations"], expected);
    assert_eq!(asked["SecurityConfiguration"], "encrypted");
    assert_eq!(asked["LogUri"], "s3://own/");
    let script = json!({ "Path": "s3://jobs/tools.sh", "Args": ["--quiet"] });
    assert_eq!(
        asked["BootstrapActions"][0]["ScriptBootstrapAction"],
        script
    );
}

#[tokio::test]
async fn configurations_emr_does_not_know_are_refused_before_it_is_asked() {
    let cases = [
        (json!("hive-site"), "is no mapping"),
        (
            json!({ "classification": "hive-site" }),
            "has `classification`",
        ),
        (
            json!({ "Classification": "a", "Properties": { "b": [1] } }),
            "the property `b`",
        ),
        (
            json!({ "Configurations": [{ "Properties": [] }] }),
            "has `Properties`",
        ),
    ];
    for (configuration, expected) in cases {
        let mut request = request();
        request.cluster.emr.configurations = vec![configuration];
        let refused = asked(&request).await.unwrap_err();
        assert!(refused.contains(expected), "{refused}");
    }
}
