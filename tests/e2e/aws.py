"""Makes AWS calls for the suite: one JSON request a line on stdin, one JSON answer a line on stdout."""

import gzip
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
    service, (key, secret) = request["service"], request["credentials"]
    client = clients.get((service, key))
    if client is None:
        client = clients[service, key] = boto3.client(
            service, region_name=os.environ["AWS_REGION"], endpoint_url=URLS.get(service, URL), aws_access_key_id=key,
            aws_secret_access_key=secret)
    arguments = request["arguments"]
    if "Body" in arguments:
        # Whatever is put into S3 here is a log, as EMR puts it there.
        arguments["Body"] = gzip.compress(arguments["Body"].encode())
    try:
        answer = {"ok": getattr(client, request["operation"])(**arguments)}
    except ClientError as error:
        answer = {"error": f"{request['operation']}: {error}"}
    print(json.dumps(answer, default=str), flush=True)
