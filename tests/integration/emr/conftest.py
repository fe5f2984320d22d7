"""The double that really runs steps, moto beside it, and the real boto3 as the client of both."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from engineshed.testing.emr import EmrDouble, Neighbours

BUCKET = "jobs"
LOGS = f"s3://{BUCKET}/logs"
PATIENCE_S = 240.0
"""Two busy cores take their time to start a JVM."""


def step(name: str, *args: str, action: str = "CONTINUE") -> dict[str, Any]:
    return {"Name": name, "ActionOnFailure": action, "HadoopJarStep": {"Jar": "command-runner.jar", "Args": list(args)}}


def cluster(*steps: dict[str, Any], keep: bool = False, **more: Any) -> dict[str, Any]:
    master = {"InstanceFleetType": "MASTER", "TargetOnDemandCapacity": 1}
    types = [{"InstanceType": "m5.xlarge"}]
    return {
        "Name": "nightly",
        "ReleaseLabel": "emr-7.5.0",
        "JobFlowRole": "profile",
        "ServiceRole": "role",
        "LogUri": LOGS,
        "Applications": [{"Name": "Spark"}],
        "Instances": {
            "InstanceFleets": [{**master, "InstanceTypeConfigs": types}],
            "KeepJobFlowAliveWhenNoSteps": keep,
        },
        "Steps": list(steps),
        **more,
    }


def until(what: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """The first thing that is not nothing."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing came in {patience_s} s")


@dataclass
class Shed:
    """A double at work, and questions that tests ask it."""

    double: EmrDouble
    emr: Any
    s3: Any

    def put(self, key: str, text: str) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        return f"s3://{BUCKET}/{key}"

    def run(self, *steps: dict[str, Any], **more: Any) -> str:
        return str(self.emr.run_job_flow(**cluster(*steps, **more))["JobFlowId"])

    def state(self, cluster_id: str) -> str:
        return str(self.emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["State"])

    def ended(self, cluster_id: str) -> dict[str, Any]:
        """The cluster's last status."""
        until(lambda: self.state(cluster_id).startswith("TERMINATED"))
        return dict(self.emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"])

    def steps(self, cluster_id: str) -> list[dict[str, Any]]:
        """Oldest first."""
        return list(reversed(self.emr.list_steps(ClusterId=cluster_id)["Steps"]))

    def states(self, cluster_id: str) -> list[str]:
        return [found["Status"]["State"] for found in self.steps(cluster_id)]

    def logs(self, cluster_id: str, below: str) -> dict[str, str]:
        """Texts by what follows `below` in their keys."""
        prefix = f"logs/{cluster_id}/{below}"
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
        bodies = {entry["Key"]: self.s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read() for entry in found}
        return {key.removeprefix(prefix).lstrip("/"): gzip.decompress(body).decode() for key, body in bodies.items()}

    def step_log(self, cluster_id: str, number: int = 0, name: str = "stdout.gz") -> str:
        """What a step has written by now."""
        self.double.deliver_logs(cluster_id)
        return self.logs(cluster_id, f"steps/{self.steps(cluster_id)[number]['Id']}")[name]


@pytest.fixture(scope="session")
def neighbours() -> Iterator[Neighbours]:
    with Neighbours() as found:
        found.make_bucket(BUCKET)
        yield found


MakeShed = Callable[..., Shed]


@pytest.fixture
def make_shed(neighbours: Neighbours) -> Iterator[MakeShed]:
    made: list[EmrDouble] = []

    def make(**more: Any) -> Shed:
        double = EmrDouble(execute=True, neighbours=neighbours, **{"time_scale": 0.002, **more})
        made.append(double)
        return Shed(double, double.client(), neighbours.client("s3"))

    yield make
    for double in made:
        double.close()
        assert double.bugs == []


@pytest.fixture
def shed(make_shed: MakeShed) -> Shed:
    return make_shed()


def pick(found: Sequence[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """The one that has those values."""
    (one,) = [item for item in found if all(item[name] == value for name, value in wanted.items())]
    return one
