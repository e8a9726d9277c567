//! What went wrong on AWS, as people read it: one line, and what would be right.

use aws::Trouble;
use aws::people::Refused;

use crate::exit::Failure;

/// Which of the policies that Terraform offers allows what was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    Read,
    Operate,
}

impl Policy {
    /// What would be right when access was denied.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Read => {
                "the deployment's read policy allows it: Terraform's output `read_policy`"
            }
            Self::Operate => {
                "the deployment's operate policy allows it: Terraform's output `operate_policy`"
            }
        }
    }
}

/// Says that something could not be done, and what would be right.
pub fn refused(refused: Refused, policy: Policy) -> Failure {
    let Refused { doing, trouble } = refused;
    failure(format!("cannot {doing}"), trouble, policy)
}

/// Says what is wrong, and what would be right.
pub fn failure(what: String, trouble: Trouble, policy: Policy) -> Failure {
    let failure = Failure::trouble(format!("{what}: {trouble}"));
    match trouble {
        Trouble::NoCredentials => failure
            .help("name a profile with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        Trouble::BadCredentials(_) => {
            failure.help("`aws sso login`, or whatever else gives you credentials, renews them")
        }
        Trouble::Denied(_) => failure.help(policy.advice()),
        Trouble::Throttled(_) => failure.help("try again in a minute"),
        Trouble::Unreachable(_) => {
            failure.help("look whether the network, the region and AWS_ENDPOINT_URL are right")
        }
        Trouble::Absent(_) | Trouble::Other(_) => failure,
    }
}
