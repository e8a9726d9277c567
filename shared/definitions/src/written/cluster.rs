//! `clusters/<name>.yaml`.

use model::definition::{SpotAllocation, SpotOtherwise, VolumeKind};

use crate::read::{
    Argument, Duration, Map, OneOrMany, Percent, ShortOr, Text, Tried, Whole, Word, written,
};
use crate::source::At;

/// An instance type, or a group.
pub(crate) type Group = ShortOr<At<Text>, At<InstanceGroup>>;

/// An instance type, or one whose machines count more than one unit.
pub(crate) type MachineType = ShortOr<At<Text>, At<WeightedType>>;

/// A share, or a share with how its machines are looked for.
pub(crate) type Spot = ShortOr<Percent, SpotShare>;

/// The value of a property, or where it is kept.
pub(crate) type Property = ShortOr<Argument, SecretReference>;

written! {
    /// A cluster of murmur: a named, scheduled, ephemeral EMR cluster.
    pub(crate) struct Cluster {
        /// What the cluster is for, for people.
        description: Option<Text>,
        /// When an instance is requested.
        provision: Tried<Window>,
        /// When it takes no more work, and after the drain is terminated.
        terminate: Tried<Terminate>,
        /// EMR release, such as `emr-7.9.0`.
        release: Tried<At<Text>>,
        /// EMR applications, such as `[Spark, Hive]`.
        applications: Option<Vec<At<Text>>>,
        /// The machines.
        instances: Tried<Instances>,
        /// Tags by which tasks may choose the cluster.
        tags: Option<Map<Argument>>,
        /// Steps that run at once; 10 unless given.
        step_concurrency: Option<Whole<1, 256>>,
        /// How often an instance that failed is replaced within one window; 2 unless given.
        replacements: Option<Whole<0, 20>>,
        /// After how long without work of murmur's somebody is told that it is idle; `1h` unless
        /// given.
        idle_after: Option<Duration>,
        /// EMR classifications, passed on as they are.
        configurations: Option<Vec<Configuration>>,
        /// Scripts EMR runs on every node before it is ready.
        bootstrap_actions: Option<Vec<BootstrapAction>>,
        /// Name of an EMR security configuration.
        security_configuration: Option<Text>,
        /// Where EMR keeps logs: an `s3://` address.
        log_uri: Option<At<Text>>,
        /// Subnet the machines are in; of several, EMR chooses one for instance fleets.
        subnet: Option<At<OneOrMany<Text>>>,
        /// Security groups, instead of those EMR makes and beside them.
        security_groups: Option<At<SecurityGroups>>,
        /// EC2 key pair by which people reach the machines.
        key_pair: Option<Text>,
        /// Instance profile of the machines, one of the team's `instance_profiles`; the
        /// deployment's unless given.
        instance_profile: Option<At<Text>>,
        /// Image the machines start from, such as `ami-0abcdef1234567890`.
        custom_ami: Option<At<Text>>,
        /// Size of each machine's root volume in GiB.
        root_volume_gib: Option<Whole<10, 100>>,
        /// How long an idle instance may outlive its window and drain until EMR itself terminates
        /// it; `1h` unless given.
        auto_termination: Option<At<Duration>>,
    }

    /// When a window begins.
    pub(crate) struct Window {
        /// `cron(…)` or `at(…)` of EventBridge Scheduler.
        expression: Tried<At<Text>>,
        /// IANA time zone, such as `America/New_York`; `UTC` unless given.
        timezone: Option<At<Text>>,
    }

    /// When a window ends.
    pub(crate) struct Terminate {
        /// `cron(…)` or `at(…)` of EventBridge Scheduler.
        expression: Tried<At<Text>>,
        /// IANA time zone, such as `America/New_York`; `UTC` unless given.
        timezone: Option<At<Text>>,
        /// How long open work may go on afterwards; `30m` unless given.
        drain: Option<Duration>,
    }

    /// The machines of a cluster.
    pub(crate) struct Instances {
        /// The primary node: an instance type such as `m7g.xlarge`, or a group.
        primary: Tried<Group>,
        /// Nodes that store and compute.
        core: Option<Group>,
        /// Nodes that only compute.
        task: Option<Group>,
        /// Lets EMR resize between these numbers of instances.
        managed_scaling: Option<At<ScalingBounds>>,
    }

    /// Machines of one role.
    pub(crate) struct InstanceGroup {
        /// The instance type.
        r#type: Option<At<Text>>,
        /// Several instance types to choose from, which makes it an instance fleet.
        types: Option<At<Vec<MachineType>>>,
        /// How many, where types have weights in units; 1 unless given.
        count: Option<At<Whole<1, 10_000>>>,
        /// The share that is bought as Spot, such as `80%`; `0%` unless given.
        spot: Option<Spot>,
        /// Size of each machine's volume in GiB.
        volume_gib: Option<Whole<1, 65_536>>,
        /// The volumes of each machine, where their size does not say all.
        volume: Option<At<Volume>>,
    }

    /// An instance type whose machines count more than one unit.
    pub(crate) struct WeightedType {
        /// The instance type.
        r#type: Tried<At<Text>>,
        /// How many units of `count` each machine is.
        weight: Tried<Whole<1, 999>>,
    }

    /// A share of Spot machines and how they are looked for, which makes it an instance fleet.
    pub(crate) struct SpotShare {
        /// The share that is bought as Spot, such as `80%`.
        share: Tried<Percent>,
        /// For how long they are looked for, `5m` to `24h`; `15m` unless given.
        within: Option<At<Duration>>,
        /// What happens when too few were found; `on_demand` unless given.
        otherwise: Option<Word<SpotOtherwise>>,
        /// Which of them are taken; `price_capacity_optimized` unless given.
        allocation: Option<Word<SpotAllocation>>,
    }

    /// The volumes of each machine.
    pub(crate) struct Volume {
        /// Size of each in GiB.
        gib: Tried<Whole<1, 65_536>>,
        /// Their kind; `gp3` unless given.
        r#type: Option<Word<VolumeKind>>,
        /// How many; 1 unless given.
        count: Option<Whole<1, 25>>,
        /// Operations a second.
        iops: Option<At<Whole<100, 256_000>>>,
        /// Throughput in MiB a second.
        throughput_mib: Option<At<Whole<125, 2_000>>>,
    }

    /// Bounds of EMR managed scaling.
    pub(crate) struct ScalingBounds {
        /// At least so many instances.
        minimum: Tried<Whole<1, 10_000>>,
        /// At most so many instances.
        maximum: Tried<Whole<1, 10_000>>,
        /// At most so many of them on demand, the others as Spot.
        maximum_on_demand: Option<Whole<0, 10_000>>,
        /// At most so many of them core nodes, the others task nodes.
        maximum_core: Option<Whole<1, 10_000>>,
    }

    /// Security groups of a cluster.
    pub(crate) struct SecurityGroups {
        /// Of the primary node, instead of the group EMR makes; only together with `core`.
        primary: Option<At<Text>>,
        /// Of all other nodes, instead of the group EMR makes; only together with `primary`.
        core: Option<At<Text>>,
        /// By which EMR reaches machines in a private subnet; only together with those two.
        service: Option<At<Text>>,
        /// More of the primary node.
        additional_primary: Option<Vec<At<Text>>>,
        /// More of all other nodes.
        additional_core: Option<Vec<At<Text>>>,
    }

    /// An EMR classification; its keys are written as EMR writes them.
    #[allow(non_snake_case)] // EMR's words
    pub(crate) struct Configuration {
        /// Which, such as `hive-site`.
        Classification: Tried<Text>,
        /// Its properties: a text each, or a reference to a secret.
        Properties: Option<Map<Property>>,
        /// Classifications within it, such as `export` within `hadoop-env`.
        Configurations: Option<Vec<InnerConfiguration>>,
    }

    /// A classification within another.
    #[allow(non_snake_case)] // EMR's words
    pub(crate) struct InnerConfiguration {
        /// Which, such as `export`.
        Classification: Tried<Text>,
        /// Its properties: a text each, or a reference to a secret.
        Properties: Option<Map<Property>>,
    }

    /// A value that is kept in the secret store and handed to EMR when a cluster is requested.
    pub(crate) struct SecretReference {
        /// Name of a secret of the team.
        secret: Tried<At<Text>>,
        /// The field of it, when the secret is a JSON object.
        field: Option<Text>,
    }

    /// A script EMR runs on every node before it is ready.
    pub(crate) struct BootstrapAction {
        /// A name for people.
        name: Tried<Text>,
        /// Where the script is: an `s3://` address.
        script: Tried<Text>,
        /// Its arguments.
        args: Option<Vec<Argument>>,
    }
}
