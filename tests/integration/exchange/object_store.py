"""An S3 server within a cluster, and the way to it from outside."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

IMAGE = "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z"
SECRET = "object-store"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "exchange", "AWS_SECRET_ACCESS_KEY": "exchange-secret"}
BUCKET = "exchange"
INSIDE = "http://object-store:9000"


def _things() -> list[dict[str, Any]]:
    labels = {"app": "object-store"}
    shut = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    server = {
        "name": "server",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "args": ["server", "/data", "--address", ":9000"],
        "env": [
            {"name": "MINIO_ROOT_USER", "value": CREDENTIALS["AWS_ACCESS_KEY_ID"]},
            {"name": "MINIO_ROOT_PASSWORD", "value": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]},
        ],
        "readinessProbe": {"httpGet": {"path": "/minio/health/ready", "port": 9000}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "50m", "memory": "256Mi"}},
        "securityContext": shut,
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "data", "mountPath": "/tmp"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "containers": [server],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [{"name": "data", "emptyDir": {}}],
    }
    port = {"selector": labels, "ports": [{"port": 9000}]}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "object-store", "labels": labels}, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "object-store"}, "spec": port},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": CREDENTIALS},
    ]


@contextmanager
def object_store(namespace: str) -> Iterator[str]:
    """The server's address from outside. Its bucket is made; credentials lie in a secret of the namespace."""
    listing = json.dumps({"apiVersion": "v1", "kind": "List", "items": _things()})
    kubectl = ["kubectl", "--namespace", namespace]
    subprocess.run([*kubectl, "apply", "-f", "-"], input=listing, text=True, check=True, stdout=subprocess.DEVNULL)
    wait = [*kubectl, "wait", "--for=condition=Ready", "pod/object-store", "--timeout=120s"]
    subprocess.run(wait, check=True, stdout=subprocess.DEVNULL)
    forward = subprocess.Popen(
        [*kubectl, "port-forward", "service/object-store", ":9000"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert forward.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert found, "no port was forwarded"
        address = f"http://127.0.0.1:{found[1]}"
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket=BUCKET)
        yield address
    finally:
        forward.kill()
        forward.communicate()
