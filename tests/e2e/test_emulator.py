"""The mends of the emulator: when schedules fire and what they deliver, and what is asked of IAM."""

import asyncio
import unittest
from datetime import datetime

import attempts
import emulator
import rights


def schedule(expression, zone="UTC", **more):
    return {"ScheduleExpression": expression, "ScheduleExpressionTimezone": zone, "CreationDate": 0, **more}


def firings(of, after, count):
    at, found = datetime.fromisoformat(after), []
    while len(found) < count and (at := emulator.next_firing(of, at)) is not None:
        found.append(emulator.iso(at))
    return found


class Firings(unittest.TestCase):
    def test_cron_counts_in_its_zone(self):
        daily = schedule("cron(15 0 * * ? *)", "America/New_York")
        expected = ["2026-03-07T05:15:00Z", "2026-03-08T05:15:00Z", "2026-03-09T04:15:00Z"]
        self.assertEqual(firings(daily, "2026-03-07T00:00:00Z", 3), expected)

    def test_a_time_that_does_not_exist_is_skipped(self):
        daily = schedule("cron(30 2 * * ? *)", "America/New_York")
        self.assertEqual(firings(daily, "2026-03-07T00:00:00Z", 2), ["2026-03-07T07:30:00Z", "2026-03-09T06:30:00Z"])
        self.assertEqual(firings(schedule("at(2026-03-08T02:30:00)", "America/New_York"), "2026-03-07T00:00:00Z", 1), [])

    def test_a_time_that_comes_twice_fires_once(self):
        often = schedule("cron(0/30 * * * ? *)", "America/New_York")
        expected = ["2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "2026-11-01T07:00:00Z"]
        self.assertEqual(firings(often, "2026-11-01T04:40:00Z", 3), expected)

    def test_a_rate_counts_from_its_start_date(self):
        start = datetime.fromisoformat("2026-01-01T00:00:00Z").timestamp()
        expected = ["2026-01-01T00:00:00Z", "2026-01-01T00:02:00Z"]
        self.assertEqual(firings(schedule("rate(2 minutes)", StartDate=start), "2025-12-31T23:00:00Z", 2), expected)
        self.assertEqual(firings(schedule("rate(1 hour)"), "1970-01-01T00:00:00Z", 1), ["1970-01-01T01:00:00Z"])

    def test_one_shots_count_in_their_zone(self):
        once = schedule("at(2026-03-09T02:30:00)", "America/New_York")
        self.assertEqual(firings(once, "2026-03-07T00:00:00Z", 2), ["2026-03-09T06:30:00Z"])


class Placeholders(unittest.TestCase):
    def test_placeholders_become_what_they_stand_for(self):
        of = {"Arn": "arn:aws:scheduler:us-east-1:1:schedule/g/n"}
        at = datetime.fromisoformat("2026-03-01T05:00:00Z")
        filled = emulator.fill_in('{"a":"<aws.scheduler.scheduled-time>","b":"<aws.scheduler.schedule-arn>"}', of, at)
        self.assertEqual(filled, '{"a":"2026-03-01T05:00:00Z","b":"arn:aws:scheduler:us-east-1:1:schedule/g/n"}')


class Statements(unittest.TestCase):
    def test_a_statement_is_about_its_table_or_index(self):
        arn = "arn:aws:dynamodb:eu-west-1:1:table/"
        cases = {
            'SELECT a FROM "prod" WHERE b = 1': "prod",
            "SELECT * FROM prod": "prod",
            'select a\nfrom "prod"."runs"\nwhere b = 1': "prod/index/runs",
            'UPDATE "prod" SET a = 1': "prod",
            "INSERT INTO \"prod\" VALUE {'a': 1}": "prod",
        }
        for statement, about in cases.items():
            self.assertEqual(rights.resource(statement, "eu-west-1", "1"), arn + about, statement)
        self.assertIsNone(rights.resource("SELECT 1", "eu-west-1", "1"))


class Attempts(unittest.TestCase):
    def ask(self, app, service, call):
        scope = {"type": "http", "headers": [
            (b"authorization", f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request".encode()),
            (b"amz-sdk-invocation-id", call.encode()),
        ]}
        said = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            said.append(message)

        asyncio.run(app(scope, receive, send))
        return said[0]["status"], said[1]["body"]

    def test_a_further_attempt_is_answered_as_the_first_unless_that_failed(self):
        statuses = iter([200, 409, 409, 500, 200])

        async def emulate(scope, receive, send):
            status = next(statuses)
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": str(status).encode()})

        app = attempts.remembered(emulate)
        self.assertEqual(self.ask(app, "iam", "one"), (200, b"200"))
        self.assertEqual(self.ask(app, "iam", "one"), (200, b"200"))
        self.assertEqual(self.ask(app, "iam", "other"), (409, b"409"))
        self.assertEqual(self.ask(app, "dynamodb", "one"), (409, b"409"))
        self.assertEqual(self.ask(app, "lambda", "failed"), (500, b"500"))
        self.assertEqual(self.ask(app, "lambda", "failed"), (200, b"200"))


if __name__ == "__main__":
    unittest.main()
