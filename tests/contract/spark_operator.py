"""The real Spark operator: the one that the cluster has, or its program started beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
import pytest
from tests.contract.clusters import kubectl

PROGRAM = "spark-operator"
_CRDS = "github.com/kubeflow/spark-operator/v2@*/config/crd/bases"
_STARTS_WITHIN_S = 60


@contextmanager
def running_operator(log: Path) -> Iterator[None]:
    """An operator that looks at all namespaces; skips, with the reason, where there is none and no program."""
    if shutil.which(PROGRAM) is None:
        if "sparkapplications" not in kubectl("api-resources", "--api-group=sparkoperator.k8s.io", "--output=name"):
            pytest.skip(f"the cluster has no SparkApplications, and there is no program {PROGRAM} on the path")
        yield
        return
    kubectl("apply", "--server-side", "--filename", str(_crds()))
    _await_crd("sparkapplications.sparkoperator.k8s.io")
    with log.open("wb") as out:
        operator = subprocess.Popen(_command(), env=_environment(), stdout=out, stderr=out)
    try:
        _await(operator, log)
        yield
    finally:
        operator.terminate()
        operator.wait(30)


def _crds() -> Path:
    done = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True)
    found = sorted(Path(done.stdout.strip()).glob(_CRDS))
    assert found, f"the operator's module is not below {done.stdout.strip()}, where its CRDs are"
    return found[-1]


def _await_crd(name: str) -> None:
    """`kubectl wait` fails where a definition is so new that it has no conditions yet."""
    until = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < until:
        conditions = (
            json.loads(kubectl("get", "crd", name, "--output", "json")).get("status", {}).get("conditions") or ()
        )
        if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
            return
        time.sleep(0.2)
    pytest.fail(f"{name} is not established within {_STARTS_WITHIN_S} s")


def _command() -> list[str]:
    return [
        PROGRAM, "controller", "start", "--leader-election=false", "--enable-ui-service=false",
        "--health-probe-bind-address", "127.0.0.1:0", "--namespaces", "", "--zap-encoder", "console",
    ]  # fmt: skip


def _environment() -> dict[str, str]:
    """It calls spark-submit, and tells it the API server as a pod would."""
    slices = json.loads(kubectl("get", "endpointslices", "kubernetes", "--output", "json"))
    host, port = slices["endpoints"][0]["addresses"][0], slices["ports"][0]["port"]
    home = str(Path(pyspark.__file__).parent)
    return {**os.environ, "SPARK_HOME": home, "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": str(port)}


def _await(operator: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while "Starting workers" not in log.read_text(errors="replace"):
        assert operator.poll() is None, f"the operator ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < until, f"the operator does not start: {log.read_text()[-2000:]}"
        time.sleep(0.2)
