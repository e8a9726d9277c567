//! What cannot be done is said in one line, with what would be right.

use expect_test::{Expect, expect};

use crate::murmur::Where;
use crate::services;
use crate::table;
use crate::wire::Answer;
use crate::{emulator, murmur};

const DENIED: &str = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: an:Action on resource: an-arn because no identity-based policy allows the an:Action action";

fn nowhere() -> Where {
    Where {
        deployment: "nowhere",
        endpoints: Vec::new(),
    }
}

/// A service that answers everything with one error.
fn refusing(code: &'static str, message: &'static str) -> String {
    services::serve(move |_| Answer::Error(400, code, message.to_owned()))
}

fn check(at: &Where, arguments: &[&str], code: i32, expected: &Expect) {
    let said = at.says(arguments);
    expected.assert_eq(&said.stderr);
    assert_eq!((said.code, said.stdout.as_str()), (code, ""));
}

#[test]
fn a_deployment_that_is_none_is_named_with_where_it_was_looked_for() {
    let expected = expect![[r#"
        error: there is no table `nowhere` in us-east-1 of account 000000000000: nothing is deployed
          help: `terraform apply` deploys it
          help: or name another deployment with --deployment, --region or --profile
    "#]];
    check(&nowhere(), &["runs"], 3, &expected);
}

#[test]
fn what_no_deployment_can_be_called_is_refused() {
    let expected = expect![[r#"
        error: `No-Where` does not name a deployment: use at most 12 lower-case letters, digits and single `-`, beginning with a letter and not ending with `-`
    "#]];
    check(
        &nowhere(),
        &["runs", "--deployment", "No-Where"],
        2,
        &expected,
    );
}

#[test]
fn without_credentials_it_says_where_they_may_come_from() {
    let mut command = nowhere().command(&["runs"]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    let said = murmur::Said::of(&command.output().unwrap());
    expect![[r#"
        error: cannot read the table `nowhere` in us-east-1: there are no AWS credentials
          help: name a profile with --profile or AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    "#]]
    .assert_eq(&said.stderr);
    assert_eq!(said.code, 4);
}

#[test]
fn without_a_region_it_says_so() {
    let mut command = nowhere().command(&["runs"]);
    command
        .env_remove("AWS_REGION")
        .env_remove("AWS_DEFAULT_REGION");
    let said = murmur::Said::of(&command.output().unwrap());
    expect![[r#"
        error: no AWS region is chosen
          help: name it with --region or AWS_REGION, or in the profile that is used
    "#]]
    .assert_eq(&said.stderr);
    assert_eq!(said.code, 2);
}

#[test]
fn a_profile_that_is_none_is_named() {
    // Though there are keys in the environment.
    let expected = expect![[r#"
        error: the profile `nobody` gives no AWS credentials
          help: `aws configure list-profiles` lists those there are
    "#]];
    check(&nowhere(), &["runs", "--profile", "nobody"], 4, &expected);
}

#[test]
fn what_aws_refuses_is_said_in_its_words() {
    let cases = [
        (
            refusing("AccessDeniedException", DENIED),
            expect![[r#"
                error: cannot read the table `nowhere` in us-east-1: access denied: User: arn:aws:iam::123456789012:user/ann is not authorized to perform: an:Action on resource: an-arn because no identity-based policy allows the an:Action action
                  help: the deployment's read policy allows it: Terraform's output `read_policy`
            "#]],
        ),
        (
            refusing(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            expect![[r#"
                error: cannot read the table `nowhere` in us-east-1: the AWS credentials do not hold: The security token included in the request is expired
                  help: `aws sso login`, or whatever else gives you credentials, renews them
            "#]],
        ),
        (
            refusing("ThrottlingException", "Rate exceeded"),
            expect![[r#"
                error: cannot read the table `nowhere` in us-east-1: AWS was asked too often: Rate exceeded
                  help: try again in a minute
            "#]],
        ),
    ];
    for (url, expected) in cases {
        let mut at = nowhere();
        at.endpoints = vec![("AWS_ENDPOINT_URL_DYNAMODB", url)];
        check(&at, &["runs"], 4, &expected);
    }
}

#[test]
fn an_endpoint_where_nobody_listens_is_no_riddle() {
    let mut at = nowhere();
    at.endpoints = vec![("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1".into())];
    let said = at.says(&["runs"]);
    assert_eq!(said.code, 4);
    let first = said.stderr.lines().next().unwrap();
    let begin = "error: cannot read the table `nowhere` in us-east-1: AWS gave no answer: ";
    assert!(first.starts_with(begin), "{first}");
}

#[tokio::test]
async fn what_only_the_operate_policy_allows_names_it() {
    let tables = aws_sdk_dynamodb::Client::new(&emulator::config());
    table::create(&tables, "refused").await;
    let at = Where {
        deployment: "refused",
        endpoints: vec![("AWS_ENDPOINT_URL_SQS", refusing("AccessDenied", DENIED))],
    };
    let event = format!(
        "{}/tests/cmd/day.in/object-created.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let nothing = at.says(&["trigger", "--event", &event]);
    assert_eq!(
        (nothing.code, nothing.stderr.as_str()),
        (1, "the event starts no workflow\n")
    );
    let expected = expect![[r#"
        error: cannot find the queue refused-advance-run-dead-letters: access denied: User: arn:aws:iam::123456789012:user/ann is not authorized to perform: an:Action on resource: an-arn because no identity-based policy allows the an:Action action
          help: the deployment's read policy allows it: Terraform's output `read_policy`
    "#]];
    check(&at, &["dead-letters"], 4, &expected);
}

#[test]
fn what_is_for_this_machine_alone_says_so() {
    let expected = expect![[r#"
        error: `murmur local` is for this machine, not for --target aws
          help: leave --target and MURMUR_TARGET away, or say --target local
    "#]];
    check(&nowhere(), &["local", "up"], 2, &expected);
    let expected = expect![[r#"
        error: --region goes with --target aws
    "#]];
    let here = ["runs", "--target", "local", "--region", "eu-west-1"];
    check(&nowhere(), &here, 2, &expected);
}
