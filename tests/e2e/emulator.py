"""An emulator of AWS, ministack, with what it lacks mended, and with a log of every call.

Each mend says what AWS does and the emulator does not. Nothing here makes anything easier for the functions under
test: a mend only brings the emulator nearer to what AWS documents.

The mends of EventBridge Scheduler:
- `<aws.scheduler.scheduled-time>` and its like in a target's input are replaced;
- cron and at() expressions count in the schedule's time zone; local times that do not exist are skipped, those that
  come twice count once;
- a rate counts from its schedule's start date, where it has one;
- a schedule may send only what the role of its target may send;
- CreateSchedule made again with the same client token, as by an SDK that heard no answer, succeeds.

The mends of IAM are in rights.py; what is done about answers that this machine loses is in attempts.py.

The mend of CloudWatch: an alarm is described whole, not only with half of its fields.

Beyond AWS, for tests:
- `POST /_emulator/fire?group=G&name=N&scheduled_time=T` delivers what the schedule delivers at an instant, now;
- `GET /_emulator/inspect/schedules` lists the schedules as they were created;
- `POST /_emulator/outage?services=S,T` lets services answer functions with nothing but errors, until it names none;
- `POST /_emulator/authorize` says whether the owner of an access key has rights, for stand-ins of other services;
- the file EMULATOR_LOG takes one JSON object a line: each call with its principal, action and resources, and each tick.

The emulator ends when its standard input does, so it never outlives who started it.
"""

import contextvars
import json
import os
import re
import sys
import threading
import time
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from ministack import app as gateway
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region
from ministack.services import cloudwatch, eventbridge, scheduler

import attempts
import rights

# How long between looks at the schedules, in seconds; AWS promises a minute.
LOOK = 1


# ---- the log ---------------------------------------------------------------------------------------------------------

class Log:
    """Takes one JSON object a line."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.file = open(path, "a", encoding="utf-8") if path else None

    def write(self, **entry):
        if self.file is None:
            return
        entry["at_ms"] = int(time.time() * 1000)
        with self.lock:
            self.file.write(json.dumps(entry) + "\n")
            self.file.flush()


LOG = Log(os.environ.get("EMULATOR_LOG"))

# Which HTTP request an authorization belongs to: a transaction is authorized item by item.
REQUEST = contextvars.ContextVar("emulator_request", default="")
COUNTER = iter(range(1, sys.maxsize))


def role_of(principal_arn):
    """The role of `arn:aws:sts::1:assumed-role/<role>/<session>`; None for anybody else."""
    kind, _, rest = principal_arn.split(":", 5)[-1].partition("/")
    return rest.split("/")[0] if kind == "assumed-role" else None


def log_authorizations():
    """Logs each authorization, which is one for each action that a request needs."""
    authorize = iam_evaluator.enforce
    arns = {}

    def enforce(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        iam_action = rights.right(iam_action)
        denied = authorize(access_key_id, iam_action, service, region, resource_arn, service_context)
        arn = arns.get(access_key_id)
        if arn is None:
            principal = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
            arn = arns[access_key_id] = getattr(principal, "arn", "")
        LOG.write(kind="call", request=REQUEST.get(), role=role_of(arn), principal=arn, access_key=access_key_id,
                  action=iam_action, resource=resource_arn, keys=leading_keys(service_context),
                  denied=denied is not None)
        return denied

    iam_evaluator.enforce = enforce


def leading_keys(service_context):
    keys = (service_context or {}).get("dynamodb:LeadingKeys")
    return keys if isinstance(keys, list) else []


# ---- EventBridge Scheduler -------------------------------------------------------------------------------------------

def iso(instant):
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def zone_of(schedule):
    return ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")


def in_zone(wall, zone):
    """The instant of a local time, the first where there are two; None where there is none."""
    instant = wall.replace(tzinfo=zone, fold=0).astimezone(timezone.utc)
    exists = instant.astimezone(zone).replace(tzinfo=None) == wall
    return instant if exists else None


def next_by_cron(fields, after, zone):
    """The first instant after another at which a cron expression fires in its zone."""
    # The emulator's own search walks over plain calendar time, which it calls UTC.
    wall = after.astimezone(zone).replace(tzinfo=timezone.utc)
    while (wall := eventbridge._cron_next_fire(fields, wall)) is not None:
        instant = in_zone(wall.replace(tzinfo=None), zone)
        # In the second pass of an hour that comes twice, the first pass is past.
        if instant is not None and instant > after:
            return instant
    return None


def next_firing(schedule, after):
    """The first instant after another at which a schedule fires."""
    expression, zone = schedule["ScheduleExpression"], zone_of(schedule)
    if expression.startswith("at("):
        instant = in_zone(datetime.fromisoformat(expression[3:-1]), zone)
        return instant if instant is not None and instant > after else None
    interval = eventbridge._parse_rate_seconds(expression)
    if interval is not None:
        start = schedule.get("StartDate")
        first = datetime.fromtimestamp(start or schedule["CreationDate"] + interval, timezone.utc)
        passed = (after - first) // timedelta(seconds=interval)
        return first + timedelta(seconds=interval) * max(passed + 1, 0)
    fields = eventbridge._parse_cron_fields(expression)
    return None if fields is None else next_by_cron(fields, after, zone)


def fill_in(text, schedule, scheduled):
    """Replaces Scheduler's context attributes, as its user guide lists them."""
    attributes = {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": iso(scheduled),
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def may_send(target, account):
    """Whether the role of a target may do what the schedule has it do."""
    role = target["RoleArn"].rsplit("/", 1)[-1]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/scheduler",
        principal_type="AssumedRole", principal_account=account, action="sqs:SendMessage",
        resource_arn=target["Arn"], region=get_region())
    policies = iam_evaluator._gather_role_policies(role, account)
    return iam_evaluator.evaluate(context, policies).decision == "Allow"


def deliver(scope, schedule, scheduled):
    """Delivers a firing to the schedule's target; gives what is wrong, or None."""
    account, region, key = scope
    target = dict(schedule["Target"])
    before = get_account_id(), get_region()
    set_request_account_id(account)
    set_request_region(region)
    try:
        role = target["RoleArn"].rsplit("/", 1)[-1]
        denied = not may_send(target, account)
        LOG.write(kind="call", request="", role=role, principal=target["RoleArn"], access_key="",
                  action="sqs:SendMessage", resource=target["Arn"], keys=[], denied=denied)
        LOG.write(kind="tick", schedule=key, scheduled_time=iso(scheduled), target=target["Arn"])
        if denied:
            return f"the role {role} may not send to {target['Arn']}"
        target["Input"] = fill_in(target.get("Input", "{}"), schedule, scheduled)
        event = {
            "EventId": str(uuid.uuid4()), "Source": "aws.scheduler", "DetailType": "Scheduled Event", "Detail": "{}",
            "Time": time.time(), "Resources": [schedule["Arn"]], "Account": account, "Region": region,
        }
        eventbridge._invoke_target(target, event, schedule)
    finally:
        set_request_account_id(before[0])
        set_request_region(before[1])
    return None


class Ticks:
    """Fires what is due, each instant once."""

    def __init__(self):
        self.looked_at = datetime.now(timezone.utc)

    def look(self):
        since, self.looked_at = self.looked_at, datetime.now(timezone.utc)
        for scope, schedule in list(scheduler._schedules._data.items()):
            if schedule.get("State") != "ENABLED":
                continue
            changed = datetime.fromtimestamp(schedule["LastModificationDate"], timezone.utc)
            scheduled = next_firing(schedule, max(since, changed))
            if scheduled is None or scheduled > self.looked_at:
                continue
            wrong = deliver(scope, schedule, scheduled)
            if wrong:
                print(f"emulator: {wrong}", file=sys.stderr)
            once = schedule["ScheduleExpression"].startswith("at(")
            if once and schedule.get("ActionAfterCompletion") == "DELETE":
                scheduler._schedules._data.pop(scope, None)


def create_once():
    """Lets a creation be repeated under its client token."""
    create, tokens = scheduler._create_schedule, {}

    def created(name, body):
        key, token = f"{body.get('GroupName', 'default')}/{name}", body.get("ClientToken")
        there = scheduler._schedules.get(key)
        if there is not None and token and tokens.get(there["Arn"]) == token:
            return scheduler._json_resp(200, {"ScheduleArn": there["Arn"]})
        answer = create(name, body)
        if answer[0] == 200:
            tokens[scheduler._schedules[key]["Arn"]] = token
        return answer

    scheduler._create_schedule = created


def mend_scheduler():
    create_once()
    ticks = Ticks()
    scheduler._SCHEDULE_TICK_INTERVAL = LOOK
    scheduler._tick_schedules = ticks.look


# ---- CloudWatch ------------------------------------------------------------------------------------------------------

def as_xml(value):
    """A value as the Query protocol writes it."""
    if isinstance(value, dict):
        return "".join(f"<{name}>{as_xml(part)}</{name}>" for name, part in value.items() if part is not None)
    if isinstance(value, list):
        return "".join(f"<member>{as_xml(part)}</member>" for part in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def mend_alarms():
    describe = cloudwatch._describe_alarms

    def describe_whole(params, data, is_cbor, is_json=False):
        status, headers, body = describe(params, data, is_cbor, is_json)
        if is_cbor or is_json or status != 200:
            return status, headers, body
        names = re.findall(r"<MetricAlarms>.*</MetricAlarms>", body.decode(), re.DOTALL)
        names = re.findall(r"<AlarmName>([^<]*)</AlarmName>", "".join(names))
        alarms = [dict(cloudwatch._alarms[name]) for name in names]
        for alarm in alarms:
            for name in [name for name in alarm if name.endswith("Timestamp")]:
                alarm[name] = iso(datetime.fromtimestamp(alarm[name], timezone.utc))
        whole = f"<MetricAlarms>{as_xml(alarms)}</MetricAlarms>"
        body = re.sub(r"<MetricAlarms>.*</MetricAlarms>", lambda _: whole, body.decode(), flags=re.DOTALL)
        return status, headers, body.encode()

    cloudwatch._describe_alarms = describe_whole


# ---- requests of tests -----------------------------------------------------------------------------------------------

def found(group, name):
    for scope, schedule in scheduler._schedules._data.items():
        if schedule["GroupName"] == group and schedule["Name"] == name:
            return scope, schedule
    return None


def fire(query):
    there = found(query["group"], query["name"])
    if there is None:
        return 404, {"message": f"there is no schedule {query['group']}/{query['name']}"}
    scheduled = datetime.fromisoformat(query["scheduled_time"].replace("Z", "+00:00"))
    wrong = deliver(*there, scheduled)
    return (200, {"scheduled_time": iso(scheduled)}) if wrong is None else (403, {"message": wrong})


def authorize(body):
    """Whether an access key has all of some rights: the first action it may not do, or None."""
    key = body["access_key"]
    set_request_account_id(key)
    denied = None
    for right in body["rights"]:
        action, resource = right["action"], right["resource"]
        region = os.environ.get("MINISTACK_REGION", "us-east-1")
        refused = iam_evaluator.enforce(key, action, action.split(":")[0], region, resource, right["keys"])
        if refused and denied is None:
            denied = action
    principal = iam_evaluator.resolve_principal(key, get_account_id())
    return 200, {"denied": denied, "principal": getattr(principal, "arn", key)}


# Services, as signatures name them, that fail whoever calls them in a role.
OUT = set()
SIGNED = re.compile(r"Credential=(?P<key>[^/]+)/\d+/[^/]+/(?P<service>[^/]+)/")


def is_out(headers):
    signed = SIGNED.search(dict(headers).get(b"authorization", b"").decode("latin-1"))
    # The keys of a role's session begin so.
    return bool(signed) and signed["service"] in OUT and signed["key"].startswith("ASIA")


def own(method, path, query, body):
    if (method, path) == ("POST", "/_emulator/outage"):
        OUT.clear()
        OUT.update(query.get("services", "").split(","))
        return 200, sorted(OUT)
    if (method, path) == ("POST", "/_emulator/fire"):
        return fire(query)
    if (method, path) == ("POST", "/_emulator/authorize"):
        return authorize(json.loads(body))
    if (method, path) == ("GET", "/_emulator/inspect/schedules"):
        return 200, list(scheduler._schedules._data.values())
    return 404, {"message": path}


async def answer(send, status, body):
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def body_of(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def serve_own_requests():
    emulate = attempts.remembered(gateway.app)

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"].startswith("/_emulator/"):
            REQUEST.set(f"own-{next(COUNTER)}")
            query = dict(urllib.parse.parse_qsl(scope["query_string"].decode()))
            body = await body_of(receive)
            return await answer(send, *own(scope["method"], scope["path"], query, body))
        if scope["type"] == "http" and is_out(scope["headers"]):
            await body_of(receive)
            return await answer(send, 500, {"__type": "InternalServerError", "message": "it is out of order"})
        REQUEST.set(str(next(COUNTER)))
        await emulate(scope, receive, send)

    gateway.app = app


def end_with_input():
    def watch():
        sys.stdin.buffer.read()
        os.kill(os.getpid(), 15)
        # Whatever hinders a tidy end.
        time.sleep(10)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    end_with_input()
    log_authorizations()
    mend_scheduler()
    mend_alarms()
    rights.mend()
    serve_own_requests()
    gateway.main()
