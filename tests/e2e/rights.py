"""Which rights a call needs, where the emulator asks for others than AWS does.

- Who may send one message may send a batch of them, and so on.
- A PartiQL statement needs a right named after its verb, on its table or index.
"""

import contextvars
import json
import re

from ministack.core import iam_actions

# IAM knows no actions for batches: each entry needs what it would need alone.
BATCHES = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}

CALL = "dynamodb:ExecuteStatement"
RIGHTS = {
    "SELECT": "dynamodb:PartiQLSelect",
    "INSERT": "dynamodb:PartiQLInsert",
    "UPDATE": "dynamodb:PartiQLUpdate",
    "DELETE": "dynamodb:PartiQLDelete",
}
ABOUT = re.compile(r'(?:FROM|INTO|UPDATE)\s+"?(?P<table>[\w.-]+?)"?(?:\."(?P<index>[\w.-]+)")?(?:\s|$)', re.IGNORECASE)

# The right that the request at hand needs.
RIGHT = contextvars.ContextVar("partiql_right", default=CALL)


def right(action):
    """The right that a call needs."""
    return RIGHT.get() if action == CALL else BATCHES.get(action, action)


def resource(statement, region, account):
    """The ARN of what a statement is about; None when it names nothing."""
    about = ABOUT.search(statement)
    if about is None:
        return None
    index = f"/index/{about['index']}" if about["index"] else ""
    return f"arn:aws:dynamodb:{region}:{account}:table/{about['table']}{index}"


def mend():
    named = iam_actions.dynamodb_resource_arns

    def resources(body, region, account):
        try:
            statement = json.loads(body or b"{}").get("Statement")
        except (ValueError, AttributeError):
            statement = None
        if not isinstance(statement, str):
            return named(body, region, account)
        verb = statement.split(None, 1)[0].upper() if statement.strip() else ""
        RIGHT.set(RIGHTS.get(verb, CALL))
        about = resource(statement, region, account)
        return [about] if about else []

    iam_actions.dynamodb_resource_arns = resources
