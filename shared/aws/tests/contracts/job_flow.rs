//! RunJobFlow requests: what definitions say, as EMR wants it.

use std::sync::{Arc, Mutex};

use aws::EmrBatchCompute;
use aws::compute::EmrSettings;
use aws_config::SdkConfig;
use model::cluster::InstanceKey;
use model::definition::{
    BootstrapAction, CatchUp, Cluster, Configuration, EmrSpec, InstanceGroup, Instances,
    ManagedScaling, Property, ScheduleSpec, SecurityGroups, SpotAllocation, SpotOtherwise,
    SpotSearch, Volume, VolumeKind,
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
        idle_after: model::cluster::IDLE_AFTER,
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
        ..InstanceGroup::default()
    }
}

fn volume(gib: u32) -> Volume {
    Volume {
        gib,
        kind: VolumeKind::Gp3,
        count: 1,
        iops: None,
        throughput_mib: None,
    }
}

/// What EMR is asked.
async fn asked(request: &ClusterRequest) -> Value {
    let asked = Arc::new(Mutex::new(Value::Null));
    let seen = asked.clone();
    let wire = Wire::new(move |asked| {
        *seen.lock().unwrap() = asked.body.clone();
        Answer::Ok(json!({ "JobFlowId": "j-1" }))
    });
    let id = compute(&wire.config()).request_cluster(request).await;
    assert_eq!(id.unwrap().as_str(), "j-1");
    asked.lock().unwrap().clone()
}

/// A compute whose services are all reached in one way.
pub fn compute(config: &SdkConfig) -> EmrBatchCompute {
    compute_over(config, aws_sdk_emr::Client::new(config))
}

/// A compute that reaches EMR in a way of its own.
pub fn compute_over(config: &SdkConfig, emr: aws_sdk_emr::Client) -> EmrBatchCompute {
    let settings = EmrSettings {
        service_role: "murmur-emr".into(),
        instance_profile: "murmur-emr-machines".into(),
        subnet: Some("subnet-1".into()),
        log_uri: Some("s3://logs/".into()),
    };
    let batch = aws_sdk_batch::Client::new(config);
    EmrBatchCompute::new(config, &"murmur".parse().unwrap(), Some(settings))
        .with_clients(emr, batch)
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
            { "Key": "for-use-with-amazon-emr-managed-policies", "Value": "true" },
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
    assert_eq!(asked(&request()).await, expected);
}

#[tokio::test]
async fn a_share_of_spot_makes_fleets() {
    let mut request = request();
    let emr = &mut request.cluster.emr;
    emr.subnets = vec!["subnet-2".into(), "subnet-3".into()];
    emr.instances.core = Some(machines(&["r7g.2xlarge"], 100, 80));
    emr.instances.task = Some(InstanceGroup {
        volume: Some(volume(200)),
        ..machines(&["m7g.xlarge", "m6g.xlarge"], 3, 50)
    });
    emr.instances.managed_scaling = Some(ManagedScaling {
        minimum: 2,
        maximum: 120,
        maximum_on_demand: Some(0),
        maximum_core: Some(40),
    });
    let asked = asked(&request).await;
    let instances = &asked["Instances"];
    assert_eq!(instances["Ec2SubnetIds"], json!(["subnet-2", "subnet-3"]));
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
    let spot = json!({
        "TimeoutDurationMinutes": 15,
        "TimeoutAction": "SWITCH_TO_ON_DEMAND",
        "AllocationStrategy": "price-capacity-optimized",
    });
    assert_eq!(fleets[1]["LaunchSpecifications"]["SpotSpecification"], spot);
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
        "MaximumOnDemandCapacityUnits": 0,
        "MaximumCoreCapacityUnits": 40,
    });
    assert_eq!(asked["ManagedScalingPolicy"]["ComputeLimits"], limits);
}

#[tokio::test]
async fn all_of_spot_stays_a_group() {
    let mut request = request();
    request.cluster.emr.instances.core = Some(machines(&["r7g.2xlarge"], 5, 100));
    let asked = asked(&request).await;
    let core = &asked["Instances"]["InstanceGroups"][1];
    assert_eq!(
        (&core["InstanceRole"], &core["Market"]),
        (&json!("CORE"), &json!("SPOT"))
    );
}

#[tokio::test]
async fn fleets_are_told_how_to_look_for_machines_and_what_each_counts() {
    let mut request = request();
    request.cluster.emr.instances.core = Some(InstanceGroup {
        weights: [("r7g.4xlarge".to_owned(), 2)].into(),
        spot_search: Some(SpotSearch {
            within: Seconds::minutes(30),
            otherwise: SpotOtherwise::Terminate,
            allocation: SpotAllocation::CapacityOptimizedPrioritized,
        }),
        volume: Some(Volume {
            kind: VolumeKind::Gp3,
            count: 4,
            iops: Some(4000),
            throughput_mib: Some(250),
            ..volume(100)
        }),
        ..machines(&["r7g.2xlarge", "r7g.4xlarge"], 10, 100)
    });
    let asked = asked(&request).await;
    let device = json!({
        "VolumesPerInstance": 4,
        "VolumeSpecification": {
            "VolumeType": "gp3", "SizeInGB": 100, "Iops": 4000, "Throughput": 250,
        },
    });
    let machine = |name: &str, weight: u32, priority: f64| {
        json!({
            "InstanceType": name,
            "WeightedCapacity": weight,
            "Priority": priority,
            "EbsConfiguration": { "EbsBlockDeviceConfigs": [device] },
        })
    };
    let expected = json!({
        "InstanceFleetType": "CORE",
        "TargetOnDemandCapacity": 0,
        "TargetSpotCapacity": 10,
        "InstanceTypeConfigs": [machine("r7g.2xlarge", 1, 0.0), machine("r7g.4xlarge", 2, 1.0)],
        "LaunchSpecifications": { "SpotSpecification": {
            "TimeoutDurationMinutes": 30,
            "TimeoutAction": "TERMINATE_CLUSTER",
            "AllocationStrategy": "capacity-optimized-prioritized",
        } },
    });
    assert_eq!(asked["Instances"]["InstanceFleets"][1], expected);
}

#[tokio::test]
async fn a_cluster_may_have_its_own_network_image_and_profile() {
    let mut request = request();
    let emr = &mut request.cluster.emr;
    emr.subnets = vec!["subnet-2".into()];
    emr.key_pair = Some("ops".into());
    emr.instance_profile = Some("weather-machines".into());
    emr.custom_ami = Some("ami-1".into());
    emr.root_volume_gib = Some(50);
    emr.security_groups = Some(SecurityGroups {
        primary: Some("sg-1".into()),
        core: Some("sg-2".into()),
        service: Some("sg-3".into()),
        additional_primary: vec!["sg-4".into()],
        additional_core: vec!["sg-5".into(), "sg-6".into()],
    });
    let asked = asked(&request).await;
    let expected = json!({
        "KeepJobFlowAliveWhenNoSteps": true,
        "TerminationProtected": false,
        "Ec2SubnetId": "subnet-2",
        "Ec2KeyName": "ops",
        "EmrManagedMasterSecurityGroup": "sg-1",
        "EmrManagedSlaveSecurityGroup": "sg-2",
        "ServiceAccessSecurityGroup": "sg-3",
        "AdditionalMasterSecurityGroups": ["sg-4"],
        "AdditionalSlaveSecurityGroups": ["sg-5", "sg-6"],
        "InstanceGroups": [{
            "InstanceRole": "MASTER",
            "InstanceType": "m7g.xlarge",
            "InstanceCount": 1,
            "Market": "ON_DEMAND",
        }],
    });
    assert_eq!(asked["Instances"], expected);
    let own = ["JobFlowRole", "CustomAmiId", "EbsRootVolumeSize"].map(|name| &asked[name]);
    assert_eq!(
        own,
        [&json!("weather-machines"), &json!("ami-1"), &json!(50)]
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
    let properties = [
        (
            "javax.jdo.option.ConnectionURL",
            "jdbc:mysql://metastore:3306/hive",
        ),
        ("hive.exec.parallel.thread.number", "8"),
    ];
    let text = |(name, value): (&str, &str)| (name.to_owned(), Property::Text(value.to_owned()));
    emr.configurations = vec![Configuration {
        classification: "hive-site".into(),
        properties: properties.map(text).into(),
        configurations: vec![Configuration {
            classification: "export".into(),
            ..Configuration::default()
        }],
    }];
    let asked = asked(&request).await;
    let expected = json!([{
        "Classification": "hive-site",
        "Properties": {
            "javax.jdo.option.ConnectionURL": "jdbc:mysql://metastore:3306/hive",
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
