"""Bodies of requests, small enough to count machines by hand, and walks through the history of a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engineshed.testing.emr import EmrDouble

Body = dict[str, Any]

MASTER: Body = {
    "InstanceFleetType": "MASTER",
    "TargetOnDemandCapacity": 1,
    "InstanceTypeConfigs": [{"InstanceType": "m5.xlarge"}],
}


def fleet(kind: str, *, on_demand: int = 0, spot: int = 0, types: Sequence[Body] = (), **more: Any) -> Body:
    """One fleet; of m5.2xlarge unless told otherwise."""
    return {
        "InstanceFleetType": kind,
        "TargetOnDemandCapacity": on_demand,
        "TargetSpotCapacity": spot,
        "InstanceTypeConfigs": list(types) or [{"InstanceType": "m5.2xlarge"}],
        **more,
    }


def spot_timeout(action: str, minutes: int = 10) -> Body:
    """Launch specifications of a fleet."""
    return {"SpotSpecification": {"TimeoutDurationMinutes": minutes, "TimeoutAction": action}}


def step(name: str = "one", *args: str, action: str = "CONTINUE") -> Body:
    """One step."""
    jar = {"Jar": "command-runner.jar", "Args": list(args or ("true",))}
    return {"Name": name, "ActionOnFailure": action, "HadoopJarStep": jar}


def cluster(
    *fleets: Body, steps: Sequence[Body] = (), keep: bool = False, protected: bool = False, **more: Any
) -> Body:
    """A RunJobFlow; with a master and two core machines unless told otherwise."""
    return {
        "Name": "nightly",
        "ReleaseLabel": "emr-7.5.0",
        "JobFlowRole": "profile",
        "ServiceRole": "role",
        "Instances": {
            "InstanceFleets": [MASTER, *(fleets or [fleet("CORE", on_demand=2)])],
            "KeepJobFlowAliveWhenNoSteps": keep,
            "TerminationProtected": protected,
        },
        "Steps": list(steps),
        **more,
    }


def run(double: EmrDouble, body: Mapping[str, Any]) -> str:
    """The id of a new cluster."""
    return str(double.call("RunJobFlow", **body)["JobFlowId"])


def started(double: EmrDouble, body: Mapping[str, Any]) -> str:
    """The id of a cluster that is up."""
    cluster_id = run(double, body)
    for _ in range(100):
        if state(double, cluster_id) in ("RUNNING", "WAITING"):
            return cluster_id
        double.clock.sleep(10)
    raise AssertionError(f"{cluster_id} did not come up: {status(double, cluster_id)}")


def status(double: EmrDouble, cluster_id: str) -> Mapping[str, Any]:
    """Of a cluster."""
    found: Mapping[str, Any] = double.call("DescribeCluster", ClusterId=cluster_id)["Cluster"]["Status"]
    return found


def state(double: EmrDouble, cluster_id: str) -> str:
    """Of a cluster."""
    return str(status(double, cluster_id)["State"])


def step_states(double: EmrDouble, cluster_id: str) -> list[str]:
    """Of all steps, oldest first."""
    steps = double.call("ListSteps", ClusterId=cluster_id)["Steps"]
    return [found["Status"]["State"] for found in reversed(steps)]


def step_ids(double: EmrDouble, cluster_id: str) -> list[str]:
    """Oldest first."""
    return [found["Id"] for found in reversed(double.call("ListSteps", ClusterId=cluster_id)["Steps"])]


def machines(double: EmrDouble, cluster_id: str, **more: Any) -> list[Mapping[str, Any]]:
    """All instances, whatever their state."""
    return list(double.call("ListInstances", ClusterId=cluster_id, **more)["Instances"])


def history(double: EmrDouble, cluster_id: str, *, until_s: float, step_s: float = 5.0) -> list[tuple[float, str]]:
    """States with the second at which each was first seen."""
    seen: list[tuple[float, str]] = []
    begin = double.clock.now()
    while (passed := (double.clock.now() - begin).total_seconds()) <= until_s:
        now = state(double, cluster_id)
        if not seen or seen[-1][1] != now:
            seen.append((passed, now))
        double.clock.sleep(step_s)
    return seen
