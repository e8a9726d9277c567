"""Makes AWS calls for the suite: one JSON request a line on stdin, one JSON answer a line on stdout."""

import json
import os
import sys

import boto3
from botocore.exceptions import ClientError

URL = os.environ["AWS_ENDPOINT_URL"]
# EMR and Batch are stood in for.
URLS = {"emr": os.environ["COMPUTE_URL"], "batch": os.environ["COMPUTE_URL"]}
clients = {}

for line in sys.stdin:
    request = json.loads(line)
    service = request["service"]
    if service not in clients:
        clients[service] = boto3.client(
            service, region_name=os.environ["AWS_REGION"], endpoint_url=URLS.get(service, URL), aws_access_key_id="test",
            aws_secret_access_key="test")
    try:
        answer = {"ok": getattr(clients[service], request["operation"])(**request["arguments"])}
    except ClientError as error:
        answer = {"error": f"{request['operation']}: {error}"}
    print(json.dumps(answer, default=str), flush=True)
