"""The built images at work: no root, nothing writable but what is mounted, SIGTERM obeyed at once."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config

pytestmark = pytest.mark.needs_cluster

NAMESPACE = "try-images-tests"
GRACE_S = 60
# A program that ignored SIGTERM would be there for the whole grace period.
AT_ONCE_S = 20
MINIO = "quay.io/minio/minio:RELEASE.2025-09-07T16-13-09Z"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def cluster() -> Iterator[client.CoreV1Api]:
    """The API, and a namespace that takes nothing but restricted pods."""
    config.load_kube_config()
    api = client.CoreV1Api()
    _gone(lambda: api.read_namespace(NAMESPACE), lambda: api.delete_namespace(NAMESPACE))
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.create_namespace({"metadata": {"name": NAMESPACE, "labels": labels}})
    _until(lambda: api.read_namespaced_service_account("default", NAMESPACE), "the account `default`")
    yield api
    api.delete_namespace(NAMESPACE)


def _asked(ask: Callable[[], Any]) -> Any:
    """What the API answers; None for what is not there."""
    try:
        return ask()
    except client.ApiException as error:
        if error.status == 404:
            return None
        raise


def _until(look: Callable[[], Any], what: str, within_s: float = 120) -> Any:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if found := _asked(look):
            return found
        time.sleep(0.3)
    raise AssertionError(f"{what}: not after {within_s} s")


def _gone(read: Callable[[], Any], delete: Callable[[], Any]) -> float:
    """Deletes, and says after how many seconds it was gone."""
    start = time.monotonic()
    _asked(delete)
    _until(lambda: _asked(read) is None, "gone")
    return time.monotonic() - start


def _container(name: str, image: str, **more: object) -> Manifest:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "Never" if image.startswith("engineshed/") else "IfNotPresent",
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": each, "mountPath": f"/{each}"} for each in ("tmp", "scratch")],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        **more,
    }


def _pod(name: str, *containers: Manifest) -> Manifest:
    return {
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": GRACE_S,
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": list(containers),
            "volumes": [{"name": each, "emptyDir": {}} for each in ("tmp", "scratch")],
        },
    }


def _state(api: client.CoreV1Api, name: str, container: str) -> Any:
    """The container's status; fails when its image is not in the cluster."""
    statuses = api.read_namespaced_pod(name, NAMESPACE).status.container_statuses or []
    found = next((each for each in statuses if each.name == container), None)
    waiting = found.state.waiting if found else None
    assert not (waiting and waiting.reason == "ErrImageNeverPull"), f"{found.image} is not in the cluster: make images"
    return found


def _run(api: client.CoreV1Api, pod: Manifest, within_s: float = 180) -> str:
    """Runs the pod's first container to its end and returns what it printed. Fails unless it ended well."""
    name, first = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
    api.create_namespaced_pod(NAMESPACE, pod)
    ended = _until(
        lambda: (state := _state(api, name, first)) and state.state.terminated, f"the end of {name}", within_s
    )
    # As bytes: of text the client would give the representation.
    log = api.read_namespaced_pod_log(name, NAMESPACE, container=first, _preload_content=False)
    said = str(log.data.decode())
    api.delete_namespaced_pod(name, NAMESPACE, grace_period_seconds=0)
    assert ended.exit_code == 0, said
    return said


@pytest.mark.parametrize(
    ("image", "probe"),
    [
        ("engineshed/dagster:dev", {"httpGet": {"path": "/server_info", "port": 3000}}),
        (
            "engineshed/company-registry:dev",
            {"exec": {"command": ["dagster", "api", "grpc-health-check", "-p", "4000"]}},
        ),
        ("engineshed/web-graph:dev", {"exec": {"command": ["dagster", "api", "grpc-health-check", "-p", "4000"]}}),
    ],
)
def test_a_server_comes_up_by_its_own_command_and_ends_at_once(cluster: client.CoreV1Api, image: str, probe: Manifest):
    name = image.split("/")[1].split(":")[0]
    home = {"name": "DAGSTER_HOME", "value": "/tmp"}
    readiness = {**probe, "periodSeconds": 2, "timeoutSeconds": 30}
    server = _container("server", image, env=[home], readinessProbe=readiness)
    cluster.create_namespaced_pod(NAMESPACE, _pod(name, server))
    _until(lambda: (state := _state(cluster, name, "server")) and state.ready, f"{name} ready", within_s=120)
    took_s = _gone(
        lambda: cluster.read_namespaced_pod(name, NAMESPACE), lambda: cluster.delete_namespaced_pod(name, NAMESPACE)
    )
    assert took_s < AT_ONCE_S


def test_the_spark_image_has_what_scripts_import(cluster: client.CoreV1Api):
    script = """
        import ada_url, boto3, dagster_pipes, engineshed_driver, engineshed_relay, fastwarc, pandas, publicsuffixlist
        import os, pyarrow.parquet, pyspark, selectolax, sys
        print(os.getuid(), os.getpid(), "%d.%d" % sys.version_info[:2], pyspark.__version__)
    """
    program = ["python", "-c", textwrap.dedent(script)]
    said = _run(cluster, _pod("imports", _container("driver", "engineshed/spark:dev", args=program)))
    assert said.split() == ["10001", "1", "3.11", "4.2.0"]  # the entrypoint gave its place to the command


def test_the_platform_image_has_no_spark(cluster: client.CoreV1Api):
    script = "import importlib.util as u, engineshed, dagster_k8s; print(u.find_spec('pyspark'))"
    said = _run(cluster, _pod("no-spark", _container("check", "engineshed/dagster:dev", args=["python", "-c", script])))
    assert said.split() == ["None"]


def test_an_image_of_a_location_finds_its_files(cluster: client.CoreV1Api):
    script = """
        import os, pathlib, web_graph.definitions
        from engineshed.running.premises import read_premises
        file = pathlib.Path(web_graph.__file__).with_name("location.yaml")
        premises = read_premises(str(file), os.environ)
        print(premises.payloads, (premises.payloads / "edges.py").is_file(), premises.lock_hash.partition(":")[0])
        print(len(list(file.parent.joinpath("../../../../samples/crawls").resolve().rglob("*.warc.gz"))) > 0)
    """
    program = ["python", "-c", textwrap.dedent(script)]
    said = _run(cluster, _pod("files", _container("run", "engineshed/web-graph:dev", args=program)))
    assert said.split() == ["/opt/engineshed/spark/web_graph", "True", "sha256", "True"]


def test_spark_writes_and_reads_an_object_store(cluster: client.CoreV1Api):
    """The locked jars against a real S3 server: put, multipart, list, rename, get."""
    script = """
        import time, boto3
        from pyspark.sql import SparkSession
        s3 = boto3.client("s3", endpoint_url="http://localhost:9000", region_name="us-east-1")
        for attempt in range(60):
            try:
                s3.create_bucket(Bucket="lake")
                break
            except Exception:
                time.sleep(1)
        spark = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.hadoop.fs.s3.impl", "org.apache.hadoop.fs.s3a.S3AFileSystem")
            .config("spark.hadoop.fs.s3a.endpoint", "http://localhost:9000")
            .config("spark.hadoop.fs.s3a.endpoint.region", "us-east-1")
            .config("spark.hadoop.fs.s3a.path.style.access", "true")
            .getOrCreate()
        )
        spark.range(1000).repartition(2).write.parquet("s3a://lake/numbers")
        print("rows", spark.read.parquet("s3://lake/numbers").count())
    """
    keys = [
        {"name": "AWS_ACCESS_KEY_ID", "value": "minioadmin"},
        {"name": "AWS_SECRET_ACCESS_KEY", "value": "minioadmin"},
    ]
    driver = _container("driver", "engineshed/spark:dev", args=["python", "-c", textwrap.dedent(script)], env=keys)
    as_user = {**RESTRICTED, "runAsUser": 10001}
    store = _container("minio", MINIO, args=["server", "/scratch"], securityContext=as_user)
    assert "rows 1000" in _run(cluster, _pod("s3a", driver, store), within_s=240)
