"""Quota and limit range: they cap the namespace and refuse none of the release's own pods."""

from __future__ import annotations

import json
import re

import pytest

UNITS = {"": 1.0, "m": 0.001, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "k": 1e3, "M": 1e6, "G": 1e9}


def _amount(text):
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()
    return float(number) * UNITS[unit]


def test_both_are_there_unless_switched_off(alpha):
    assert alpha().names("ResourceQuota") == alpha().names("LimitRange") == ["alpha"]
    off = alpha({"quota": {"enabled": False}, "limitRange": {"enabled": False}})
    assert off.all("ResourceQuota") == off.all("LimitRange") == []


def test_no_team_opens_a_port_of_the_node_or_a_load_balancer(alpha):
    hard = alpha().one("ResourceQuota")["spec"]["hard"]
    assert hard["services.nodeports"] == hard["services.loadbalancers"] == "0"


def test_containers_that_say_nothing_pass_the_quota(alpha):
    (limit,) = alpha().one("LimitRange")["spec"]["limits"]
    asked = {
        what.split(".")[1] for what in alpha().one("ResourceQuota")["spec"]["hard"] if what.startswith("requests.")
    }
    assert asked <= set(limit["defaultRequest"])
    assert "memory" in limit["default"]
    # A cap on CPU would throttle every container that states no limit.
    assert "cpu" not in limit["max"]


@pytest.mark.parametrize("overlay", ["values-kind.yaml", "values-production.yaml"])
def test_the_releases_own_pods_fit_with_a_driver_and_two_executors(alpha, overlay):
    """Everything at once: a roll-out (two code servers), a run, reaper, hook, test, and Spark of 2 GiB heaps."""
    release = alpha(files=[overlay])
    hard = release.one("ResourceQuota")["spec"]["hard"]
    pods = dict(release.pods())
    server = pods.pop("Deployment/alpha")
    context = json.loads(
        next(e["value"] for e in server["spec"]["containers"][0]["env"] if e["name"] == "DAGSTER_CONTAINER_CONTEXT")
    )
    resources = [context["k8s"]["resources"], server["spec"]["containers"][0]["resources"]]
    resources += [pod["spec"]["containers"][0]["resources"] for pod in [server, *pods.values()]]
    heap = 2 * 2**30
    spark = 3 * (heap + max(384 * 2**20, heap // 10))
    for kind in ("requests", "limits"):
        own = sum(_amount(one[kind]["memory"]) for one in resources)
        assert own + spark <= _amount(hard[f"{kind}.memory"])
    (limit,) = release.one("LimitRange")["spec"]["limits"]
    assert all(_amount(one["limits"]["memory"]) <= _amount(limit["max"]["memory"]) for one in resources)
