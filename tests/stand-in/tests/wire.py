"""Every operation of the stand-in, as boto3 sees it: shapes, pages, states, refusals, faults."""

import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

PATIENCE_S = 60

CONFIGURATION = """
clusters: { starting: 1, bootstrapping: 1, terminating: 1 }
grace: 1
job_definitions: { shell: {} }
queues: { light: 2 }
"""


class StandIn:
    """The program, on a folder of its own."""

    def __init__(self, *more):
        self.folder = tempfile.TemporaryDirectory()
        configuration = os.path.join(self.folder.name, "local.yaml")
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION)
        arguments = ["--data", os.path.join(self.folder.name, "data"), "--configuration", configuration, *more]
        self.process = subprocess.Popen(
            [os.environ["STAND_IN"], *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE_S)
        self.folder.cleanup()

    def client(self, service, key="AKIDEXAMPLE"):
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=self.url, aws_access_key_id=key,
            aws_secret_access_key="secret", config=Config(retries={"total_max_attempts": 1}, user_agent_appid="wire"))

    def admin(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_stand-in/{path}", data=data, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def until(what, so):
    deadline = time.monotonic() + PATIENCE_S
    while not (value := so()):
        if time.monotonic() > deadline:
            raise AssertionError(f"it never came to pass: {what}")
        time.sleep(0.05)
    return value


def a_cluster(name="Development Cluster", **more):
    group = {"InstanceRole": "MASTER", "InstanceType": "m7g.xlarge", "InstanceCount": 1}
    return {
        "Name": name, "ReleaseLabel": "emr-7.9.0", "ServiceRole": "service", "JobFlowRole": "machines",
        "Instances": {"InstanceGroups": [group], "KeepJobFlowAliveWhenNoSteps": True, "Ec2SubnetId": "subnet-1"},
        "Applications": [{"Name": "Spark"}], "Tags": [{"Key": "team", "Value": "weather"}], **more,
    }


def a_step(*argv, name="step", action="CONTINUE"):
    jar = {"Jar": "command-runner.jar", "Args": list(argv)}
    return {"Name": name, "ActionOnFailure": action, "HadoopJarStep": jar}


def faults(*calls):
    return [{"operation": operation, "becomes": becomes} for operation, becomes in calls]


class Base(unittest.TestCase):
    def setUp(self):
        self.stand_in = StandIn()
        self.addCleanup(self.stand_in.stop)
        self.emr = self.stand_in.client("emr")
        self.batch = self.stand_in.client("batch")

    def refused(self, code, call, **arguments):
        with self.assertRaises(ClientError) as raised:
            call(**arguments)
        self.assertEqual(raised.exception.response["Error"]["Code"], code)
        return raised.exception.response["Error"]["Message"]

    def up(self, **more):
        id = self.emr.run_job_flow(**a_cluster(**more))["JobFlowId"]
        self.until_cluster(id, "WAITING")
        return id

    def cluster(self, id):
        return self.emr.describe_cluster(ClusterId=id)["Cluster"]

    def until_cluster(self, id, state):
        return until(f"{id} is {state}", lambda: self.cluster(id)["Status"]["State"] == state)

    def add(self, cluster, *steps, **more):
        return self.emr.add_job_flow_steps(JobFlowId=cluster, Steps=list(steps), **more)["StepIds"]

    def step(self, cluster, id):
        return self.emr.describe_step(ClusterId=cluster, StepId=id)["Step"]

    def until_step(self, cluster, id, state):
        until(f"{id} is {state}", lambda: self.step(cluster, id)["Status"]["State"] == state)
        return self.step(cluster, id)

    def submit(self, *command, name="job", **more):
        return self.batch.submit_job(
            jobName=name, jobQueue="light", jobDefinition="shell",
            containerOverrides={"command": list(command)}, **more)["jobId"]

    def job(self, id):
        return self.batch.describe_jobs(jobs=[id])["jobs"][0]

    def until_job(self, id, status):
        until(f"{id} is {status}", lambda: self.job(id)["status"] == status)
        return self.job(id)


class Clusters(Base):
    def test_a_cluster_comes_up_and_goes(self):
        asked = self.emr.run_job_flow(**a_cluster())
        id = asked["JobFlowId"]
        self.assertRegex(id, "^j-[0-9A-Z]{13}$")
        self.assertTrue(asked["ClusterArn"].endswith(f":cluster/{id}"))
        seen = self.cluster(id)
        self.assertEqual((seen["Name"], seen["Status"]["State"]), ("Development Cluster", "STARTING"))
        self.assertNotIn("MasterPublicDnsName", seen)
        self.until_cluster(id, "WAITING")
        seen = self.cluster(id)
        self.assertEqual(seen["MasterPublicDnsName"], "ip-10-0-0-1.ec2.internal")
        self.assertEqual([one["Name"] for one in seen["Applications"]], ["Spark"])
        self.assertEqual(seen["Tags"], [{"Key": "team", "Value": "weather"}])
        timeline = seen["Status"]["Timeline"]
        self.assertLess(timeline["CreationDateTime"], timeline["ReadyDateTime"])
        self.emr.terminate_job_flows(JobFlowIds=[id])
        self.until_cluster(id, "TERMINATED")
        ended = self.cluster(id)["Status"]
        self.assertEqual(ended["StateChangeReason"]["Code"], "USER_REQUEST")
        self.assertIn("EndDateTime", ended["Timeline"])

    def test_lists_have_pages_of_fifty_and_are_of_a_time(self):
        ids = {self.emr.run_job_flow(**a_cluster(name=f"c{number}"))["JobFlowId"] for number in range(51)}
        first = self.emr.list_clusters()
        self.assertEqual(len(first["Clusters"]), 50)
        rest = self.emr.list_clusters(Marker=first["Marker"])
        self.assertNotIn("Marker", rest)
        listed = {one["Id"] for page in (first, rest) for one in page["Clusters"]}
        self.assertEqual(listed, ids)
        pages = self.emr.get_paginator("list_clusters").paginate(ClusterStates=["TERMINATED"])
        self.assertEqual([one for page in pages for one in page["Clusters"]], [])
        later = self.emr.list_clusters(CreatedAfter=time.time() + 60)["Clusters"]
        self.assertEqual(later, [])
        message = self.refused("InvalidRequestException", self.emr.list_clusters, Marker="elsewhere")
        self.assertIn("elsewhere", message)

    def test_what_emr_does_not_take_is_refused(self):
        run = self.emr.run_job_flow
        cases = [
            {"name": "x" * 257}, {"StepConcurrencyLevel": 257}, {"ReleaseLabel": ""},
            {"AutoTerminationPolicy": {"IdleTimeout": 59}}, {"Instances": {}},
        ]
        for case in cases:
            self.refused("ValidationException", run, **a_cluster(**case))
        self.refused("InvalidRequestException", self.emr.describe_cluster, ClusterId="j-NONE")
        self.refused("ValidationException", self.emr.terminate_job_flows, JobFlowIds=["j-NONE"])

    def test_protection_keeps_a_cluster(self):
        id = self.up()
        self.emr.set_termination_protection(JobFlowIds=[id], TerminationProtected=True)
        self.refused("ValidationException", self.emr.terminate_job_flows, JobFlowIds=[id])
        self.assertTrue(self.cluster(id)["TerminationProtected"])
        self.emr.set_termination_protection(JobFlowIds=[id], TerminationProtected=False)
        self.emr.terminate_job_flows(JobFlowIds=[id])
        self.until_cluster(id, "TERMINATED")

    def test_public_names_leave_the_address_to_list_instances(self):
        self.stand_in.admin("PUT", "faults", {"public_names": True})
        id = self.up()
        self.assertTrue(self.cluster(id)["MasterPublicDnsName"].startswith("ec2-203-0-113-"))
        instances = self.emr.list_instances(ClusterId=id, InstanceGroupTypes=["MASTER"], InstanceStates=["RUNNING"])
        self.assertEqual([one["PrivateIpAddress"] for one in instances["Instances"]], ["10.0.0.1"])
        self.refused("InvalidRequestException", self.emr.list_instances, ClusterId=id, InstanceFleetType="MASTER")

    def test_a_bootstrap_can_fail(self):
        self.stand_in.admin("PUT", "faults", {"failing_bootstraps": ["Development"]})
        id = self.emr.run_job_flow(**a_cluster())["JobFlowId"]
        self.until_cluster(id, "TERMINATED_WITH_ERRORS")
        self.assertEqual(self.cluster(id)["Status"]["StateChangeReason"]["Code"], "BOOTSTRAP_FAILURE")
        self.up()


class Steps(Base):
    def test_steps_really_run(self):
        cluster = self.up()
        path = os.path.join(self.stand_in.folder.name, "proof")
        good, bad = self.add(
            cluster, a_step("sh", "-c", f"echo done > {path}", name="good"), a_step("sh", "-c", "exit 3", name="bad"))
        self.assertRegex(good, "^s-[0-9A-Z]{13}$")
        done = self.until_step(cluster, good, "COMPLETED")
        self.assertTrue(os.path.exists(path))
        self.assertEqual((done["Name"], done["Config"]["Args"][0]), ("good", "sh"))
        self.assertIn("EndDateTime", done["Status"]["Timeline"])
        failed = self.until_step(cluster, bad, "FAILED")
        self.assertIn("'3'", failed["Status"]["FailureDetails"]["Message"])

    def test_lists_are_newest_first_in_pages_of_fifty(self):
        cluster = self.up()
        ids = self.add(cluster, *[a_step("sleep", "600", name=f"n{number}") for number in range(120)])
        pages = list(self.emr.get_paginator("list_steps").paginate(ClusterId=cluster))
        self.assertEqual([len(page["Steps"]) for page in pages], [50, 50, 20])
        self.assertEqual([one["Id"] for page in pages for one in page["Steps"]], ids[::-1])
        chosen = self.emr.list_steps(ClusterId=cluster, StepIds=ids[:3])["Steps"]
        self.assertEqual({one["Id"] for one in chosen}, set(ids[:3]))
        list_steps = self.emr.list_steps
        self.refused("InvalidRequestException", list_steps, ClusterId=cluster, StepIds=ids[:11])
        self.refused("InvalidRequestException", list_steps, ClusterId=cluster, StepIds=["s-NONE"])
        self.refused("InvalidRequestException", list_steps, ClusterId=cluster, StepIds=ids[:1], StepStates=["FAILED"])
        self.refused("InvalidRequestException", list_steps, ClusterId="j-NONE")

    def test_a_cluster_has_at_most_256_open_steps_and_takes_all_of_a_call_or_none(self):
        cluster = self.up()
        self.add(cluster, *[a_step("sleep", "600") for _ in range(255)])
        message = self.refused(
            "ValidationException", self.emr.add_job_flow_steps, JobFlowId=cluster, Steps=[a_step("true")] * 2)
        self.assertIn("Maximum number of active steps", message)
        self.add(cluster, a_step("true"))
        states = self.emr.get_paginator("list_steps").paginate(ClusterId=cluster, StepStates=["PENDING", "RUNNING"])
        self.assertEqual(sum(len(page["Steps"]) for page in states), 256)

    def test_so_many_steps_run_at_once_as_the_cluster_says(self):
        cluster = self.up(StepConcurrencyLevel=2)
        self.add(cluster, *[a_step("sleep", "600") for _ in range(4)])
        running = lambda: self.emr.list_steps(ClusterId=cluster, StepStates=["RUNNING"])["Steps"]
        until("two run", lambda: len(running()) == 2)
        pending = self.emr.list_steps(ClusterId=cluster, StepStates=["PENDING"])["Steps"]
        self.assertEqual(len(pending), 2)

    def test_what_emr_does_not_take_is_refused(self):
        cluster = self.up(StepConcurrencyLevel=2)
        add = self.emr.add_job_flow_steps
        wrong = [
            a_step("true", name="x" * 257), a_step("x" * 10_241), a_step("true", action="CANCEL_AND_WAIT"),
            a_step("true", action="TERMINATE_CLUSTER"),
        ]
        for step in wrong:
            self.refused("ValidationException", add, JobFlowId=cluster, Steps=[a_step("true"), step])
        self.refused("ValidationException", add, JobFlowId="j-NONE", Steps=[a_step("true")])
        self.assertEqual(self.emr.list_steps(ClusterId=cluster)["Steps"], [])
        self.emr.terminate_job_flows(JobFlowIds=[cluster])
        self.until_cluster(cluster, "TERMINATED")
        message = self.refused("ValidationException", add, JobFlowId=cluster, Steps=[a_step("true")])
        self.assertIn("shutting down", message)

    def test_cancelling_takes_its_time(self):
        cluster = self.up()
        running, pending, done = self.add(cluster, a_step("sleep", "600"), a_step("sleep", "600"), a_step("true"))
        self.until_step(cluster, running, "RUNNING")
        told = self.emr.cancel_steps(ClusterId=cluster, StepIds=[running, pending, "s-NONE"])["CancelStepsInfoList"]
        self.assertEqual([one["Status"] for one in told], ["SUBMITTED", "SUBMITTED", "FAILED"])
        for id in (running, pending):
            self.until_step(cluster, id, "CANCELLED")
        self.until_step(cluster, done, "COMPLETED")
        told = self.emr.cancel_steps(ClusterId=cluster, StepIds=[done])["CancelStepsInfoList"]
        self.assertEqual(told[0]["Status"], "FAILED")

    def test_a_failure_cancels_what_comes_after_if_it_is_to(self):
        cluster = self.up()
        bad, after = self.add(
            cluster, a_step("sh", "-c", "sleep 1; exit 1", action="CANCEL_AND_WAIT"), a_step("sleep", "600"))
        self.until_step(cluster, bad, "FAILED")
        self.until_step(cluster, after, "CANCELLED")
        self.until_cluster(cluster, "WAITING")

    def test_the_end_of_a_cluster_is_the_end_of_its_steps(self):
        asked, killed = self.up(), self.up()
        steps = {cluster: self.add(cluster, a_step("sleep", "600"))[0] for cluster in (asked, killed)}
        for cluster, step in steps.items():
            self.until_step(cluster, step, "RUNNING")
        self.emr.terminate_job_flows(JobFlowIds=[asked])
        self.stand_in.admin("POST", f"clusters/{killed}/kill")
        self.until_cluster(asked, "TERMINATED")
        self.until_cluster(killed, "TERMINATED_WITH_ERRORS")
        self.until_step(asked, steps[asked], "CANCELLED")
        self.until_step(killed, steps[killed], "INTERRUPTED")
        self.assertEqual(self.cluster(killed)["Status"]["StateChangeReason"]["Code"], "INSTANCE_FAILURE")

    def test_roles_of_steps_are_remembered(self):
        cluster = self.up()
        role = "arn:aws:iam::000000000000:role/steps"
        step, = self.add(cluster, a_step("true"), ExecutionRoleArn=role)
        self.assertEqual(self.step(cluster, step)["ExecutionRoleArn"], role)


class Jobs(Base):
    def test_jobs_really_run(self):
        path = os.path.join(self.stand_in.folder.name, "proof")
        good = self.submit("sh", "-c", f"echo done > {path}")
        bad = self.submit("sh", "-c", "exit 3")
        self.assertRegex(good, "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        done = self.until_job(good, "SUCCEEDED")
        self.assertTrue(os.path.exists(path))
        self.assertTrue(done["jobQueue"].endswith(":job-queue/light"))
        self.assertEqual(done["container"]["exitCode"], 0)
        self.assertLessEqual(done["createdAt"], done["startedAt"])
        failed = self.until_job(bad, "FAILED")
        self.assertEqual(failed["statusReason"], "Essential container in task exited")
        self.assertEqual(failed["container"]["exitCode"], 3)

    def test_lists_are_filtered_by_name_whatever_its_case(self):
        ids = [self.submit("true", name=name) for name in ("night-1", "night-2", "day-1")]
        for id in ids:
            self.until_job(id, "SUCCEEDED")

        def listed(*values, **more):
            filters = [{"name": "JOB_NAME", "values": list(values)}]
            pages = self.batch.get_paginator("list_jobs").paginate(jobQueue="light", filters=filters, **more)
            return [one["jobId"] for page in pages for one in page["jobSummaryList"]]

        self.assertEqual(listed("NIGHT-1"), ids[:1])
        self.assertEqual(set(listed("night-*")), set(ids[:2]))
        self.assertEqual(set(listed("*", PaginationConfig={"PageSize": 1})), set(ids))
        self.assertEqual(self.batch.list_jobs(jobQueue="light")["jobSummaryList"], [])
        self.assertEqual(self.batch.list_jobs(jobQueue="other", jobStatus="SUCCEEDED")["jobSummaryList"], [])
        ended = self.batch.list_jobs(jobQueue="light", jobStatus="SUCCEEDED")["jobSummaryList"]
        self.assertEqual(len(ended), 3)

    def test_what_batch_does_not_take_is_refused(self):
        take = {"jobName": "job", "jobQueue": "light", "jobDefinition": "shell"}
        long = {"command": ["x" * 31_000]}
        cases = [
            {"jobName": "x" * 129}, {"jobName": "a b"}, {"jobDefinition": "other"}, {"arrayProperties": {"size": 1}},
            {"timeout": {"attemptDurationSeconds": 59}}, {"containerOverrides": long},
        ]
        for case in cases:
            command = {"containerOverrides": {"command": ["true"]}}
            self.refused("ClientException", self.batch.submit_job, **{**take, **command, **case})
        self.assertEqual(self.batch.describe_jobs(jobs=["none"])["jobs"], [])
        self.refused("ClientException", self.batch.describe_jobs, jobs=["none"] * 101)
        self.refused("ClientException", self.batch.list_jobs)

    def test_jobs_are_stopped_with_a_reason(self):
        running = self.submit("sleep", "600")
        self.until_job(running, "RUNNING")
        self.batch.cancel_job(jobId=running, reason="too late for that")
        self.batch.terminate_job(jobId=running, reason="somebody asked")
        self.assertEqual(self.until_job(running, "FAILED")["statusReason"], "somebody asked")
        self.batch.terminate_job(jobId=running, reason="again")
        self.assertEqual(self.job(running)["statusReason"], "somebody asked")

    def test_arrays_and_environments(self):
        folder = self.stand_in.folder.name
        environment = [{"name": "FOLDER", "value": folder}]
        id = self.batch.submit_job(
            jobName="array", jobQueue="light", jobDefinition="shell:3", arrayProperties={"size": 3},
            containerOverrides={
                "command": ["sh", "-c", "touch $FOLDER/child-$AWS_BATCH_JOB_ARRAY_INDEX"], "environment": environment},
        )["jobId"]
        done = self.until_job(id, "SUCCEEDED")
        self.assertEqual(done["arrayProperties"]["size"], 3)
        self.assertEqual({name for name in os.listdir(folder) if "child" in name}, {"child-0", "child-1", "child-2"})


class Faults(Base):
    def test_calls_are_throttled(self):
        calls = [(operation, "throttled") for operation in ("AddJobFlowSteps", "SubmitJob", "RunJobFlow")]
        self.stand_in.admin("PUT", "faults", {"calls": faults(*calls)})
        self.refused("ThrottlingException", self.emr.run_job_flow, **a_cluster())
        self.assertEqual(self.emr.list_clusters()["Clusters"], [])
        cluster = self.up()
        self.refused("ThrottlingException", self.emr.add_job_flow_steps, JobFlowId=cluster, Steps=[a_step("true")])
        take = {"jobName": "job", "jobQueue": "light", "jobDefinition": "shell"}
        self.refused("TooManyRequestsException", self.batch.submit_job, **take)

    def test_a_call_without_an_answer_has_taken_effect_or_not(self):
        done, not_done = "no_answer_but_done", "no_answer_and_not_done"
        calls = faults(("RunJobFlow", not_done), ("RunJobFlow", done), ("SubmitJob", done))
        self.stand_in.admin("PUT", "faults", {"calls": calls})
        for expected in (0, 1):
            with self.assertRaises(ConnectionClosedError):
                self.emr.run_job_flow(**a_cluster())
            self.assertEqual(len(self.emr.list_clusters()["Clusters"]), expected)
        with self.assertRaises(ConnectionClosedError):
            self.submit("true", name="lost")
        filters = [{"name": "JOB_NAME", "values": ["lost"]}]
        self.assertEqual(len(self.batch.list_jobs(jobQueue="light", filters=filters)["jobSummaryList"]), 1)

    def test_every_call_is_remembered_with_its_caller(self):
        cluster = self.up()
        self.stand_in.client("batch", key="ASIAOTHER").describe_jobs(jobs=["none"])
        self.refused("ValidationException", self.emr.terminate_job_flows, JobFlowIds=["j-NONE"])
        calls = self.stand_in.admin("GET", "calls")
        first, last = calls[0], calls[-1]
        self.assertEqual((first["action"], first["access_key"]), ("elasticmapreduce:RunJobFlow", "AKIDEXAMPLE"))
        self.assertIn("app/wire", first["user_agent"])
        self.assertEqual((last["action"], last["error"]), ("elasticmapreduce:TerminateJobFlows", "ValidationException"))
        self.assertIn(("batch:DescribeJobs", "ASIAOTHER"), {(one["action"], one["access_key"]) for one in calls})
        self.assertIn([cluster], [one["resources"] for one in calls])


class Bus:
    """Takes events as EventBridge does, and keeps them."""

    def __init__(self):
        entries = self.entries = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                entries.extend(body["Entries"])
                answer = json.dumps({"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in body["Entries"]]})
                self.send_response(200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, detail_type):
        """States in the order in which they were told."""
        details = [json.loads(one["Detail"]) for one in self.entries if one["DetailType"] == detail_type]
        return [detail.get("state") or detail["status"] for detail in details]

    def first(self, detail_type):
        return next(one for one in self.entries if one["DetailType"] == detail_type)


FIXTURES = os.path.join(os.path.dirname(__file__), "../../../shared/aws/fixtures")


class Events(Base):
    def setUp(self):
        self.bus = Bus()
        self.addCleanup(self.bus.server.server_close)
        self.addCleanup(self.bus.server.shutdown)
        events = f"http://127.0.0.1:{self.bus.server.server_port}"
        self.stand_in = StandIn("--events", events, "--emr-source", "test.emr", "--batch-source", "test.batch")
        self.addCleanup(self.stand_in.stop)
        self.emr = self.stand_in.client("emr")
        self.batch = self.stand_in.client("batch")

    def test_events_have_the_fields_of_true_ones(self):
        cluster = self.up()
        self.until_step(cluster, *self.add(cluster, a_step("false")), "FAILED")
        self.until_job(self.submit("true"), "SUCCEEDED")
        self.emr.terminate_job_flows(JobFlowIds=[cluster])
        ended = lambda: "TERMINATED" in self.bus.told("EMR Cluster State Change")
        until("the end is told", ended)
        samples = {
            "EMR Cluster State Change": "emr-cluster-state-change-starting.json",
            "EMR Step Status Change": "emr-step-status-change-failed.json",
            "Batch Job State Change": "batch-job-state-change-runnable.json",
        }
        for detail_type, sample in samples.items():
            with open(os.path.join(FIXTURES, sample), encoding="utf-8") as file:
                true = json.load(file)
            event = self.bus.first(detail_type)
            self.assertEqual(event["Source"], true["source"].replace("aws.", "test."))
            detail = json.loads(event["Detail"])
            self.assertLessEqual(set(true["detail"]), set(detail), detail_type)
            same = {name: type(value) for name, value in true["detail"].items()}
            self.assertEqual({name: type(detail[name]) for name in same}, same)
            self.assertEqual(event["Time"], int(event["Time"]), "the services tell whole seconds")
            self.assertEqual(bool(event.get("Resources")), bool(true["resources"]))

    def test_states_are_told_in_their_order(self):
        cluster = self.up()
        self.until_step(cluster, *self.add(cluster, a_step("true")), "COMPLETED")
        self.until_job(self.submit("false"), "FAILED")
        told = self.bus.told
        until("all is told", lambda: told("Batch Job State Change")[-1:] == ["FAILED"])
        until("all is told", lambda: told("EMR Cluster State Change")[-1:] == ["WAITING"])
        self.assertEqual(told("EMR Step Status Change"), ["PENDING", "RUNNING", "COMPLETED"])
        self.assertEqual(told("EMR Cluster State Change")[:3], ["STARTING", "WAITING", "RUNNING"])
        self.assertEqual(told("Batch Job State Change"), ["RUNNABLE", "STARTING", "RUNNING", "FAILED"])

    def test_events_are_dropped_doubled_and_kept_back(self):
        events = [
            {"service": "elasticmapreduce", "becomes": "dropped"},
            {"service": "batch", "states": ["STARTING"], "becomes": "dropped"},
            {"service": "batch", "states": ["SUCCEEDED"], "becomes": "doubled"},
            {"service": "batch", "states": ["RUNNING"], "becomes": {"late": 1500}},
        ]
        self.stand_in.admin("PUT", "faults", {"events": events})
        cluster = self.up()
        self.until_job(self.submit("true"), "SUCCEEDED")
        expected = ["RUNNABLE", "SUCCEEDED", "SUCCEEDED", "RUNNING"]
        until("what was kept back comes", lambda: self.bus.told("Batch Job State Change") == expected)
        self.assertEqual(self.bus.told("EMR Cluster State Change"), [])
        self.assertEqual(self.cluster(cluster)["Status"]["State"], "WAITING")

    def test_children_of_arrays_are_told_of_with_an_index(self):
        id = self.batch.submit_job(
            jobName="array", jobQueue="light", jobDefinition="shell", arrayProperties={"size": 2},
            containerOverrides={"command": ["true"]})["jobId"]
        ended = lambda: self.bus.told("Batch Job State Change").count("SUCCEEDED") == 3
        until("parent and children have ended", ended)
        ids = {json.loads(one["Detail"])["jobId"] for one in self.bus.entries}
        self.assertEqual(ids, {id, f"{id}:0", f"{id}:1"})


if __name__ == "__main__":
    unittest.main()
