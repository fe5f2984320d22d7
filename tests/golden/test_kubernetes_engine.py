"""The requests of engine kubernetes: a driver alone, executors with everything said, and the operator's resource."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from engineshed.engines.kubernetes.rendering import Place, render
from engineshed.engines.kubernetes.settings import KubernetesSettings
from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob
from engineshed.model.launch import LaunchKey
from engineshed.model.offer import Offer
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, PackedEnvironment, Staged
from engineshed.model.wiring import Wiring

PLACE = Place(
    namespace="team-web-graph",
    team="web-graph",
    access={"endpoint_url": "http://objects:9000"},
)
FULL: Mapping[str, Any] = {
    "image": "engineshed/spark:1",
    "image_pull_secrets": ["registry"],
    "service_account": "web-graph-spark",
    "executor_service_account": "web-graph-executor",
    "env": {"RUST_LOG": "warn", "PRICE": "5$(POD_IP)"},
    "env_from_secrets": ["object-store"],
    "conf": {"spark.sql.shuffle.partitions": "4"},
    "labels": {"cost-centre": "42"},
    "annotations": {"example.com/note": "ours"},
    "node_selector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "spark", "operator": "Exists", "effect": "NoSchedule"}],
    "priority_class": "batch",
    "scheduler_name": "volcano",
    "cpu_request_ratio": "0.5",
    "executor_template": {"spec": {"containers": [{"name": "executor", "env": [{"name": "MORE", "value": "1"}]}]}},
    "nodes": [
        {"name": "large", "match_labels": {"size": "large"}, "usd_per_hour": "0.4", "cores": 8, "memory_gib": 32}
    ],
    "ttl_s": 3600,
    "grace_s": 30,
}
EXECUTORS = Resources(
    driver_cores=1, driver_memory_gib=2, executors=4, executor_cores=2, executor_memory_gib=4, disk_gib=10
)


@pytest.mark.parametrize("name", ["plain", "full", "operator", "attached"])
def test_request(name: str, matches_golden: Callable[[Request, str], None]) -> None:
    settings: Mapping[str, Any] = {
        "plain": {"image": "engineshed/spark:1"},
        "full": FULL,
        "operator": {**FULL, "operator": {"enabled": True}, "dynamic_allocation": {"min": 0, "max": 4}},
        "attached": {"image": "engineshed/spark:1"},
    }[name]
    matches_golden(render(work_for(name), KubernetesSettings(**settings), PLACE), name)


def test_an_environment_packed_for_it_is_refused_since_its_image_has_the_packages() -> None:
    work = work_for("plain")
    packed = PackedEnvironment(python="3.11", architecture="x86_64", lock_sha256="0a", wheels=())
    work = replace(work, staged=replace(work.staged, environment=packed))
    with pytest.raises(JobInvalid, match="have their packages by their image"):
        render(work, KubernetesSettings(image="engineshed/spark:1"), PLACE)


def work_for(name: str) -> Work:
    large = name in ("full", "operator")
    root = "/var/lib/engineshed/staged" if name == "attached" else "s3://exchange/staged"
    token = LaunchKey("5d1b", "edges", ("CC-MAIN-2024-10|hardware",)).token(7)
    context = '{"kind": "objects", "version": 1}' if name != "attached" else '{"context": "' + "x" * 70_000 + '"}'
    job = SparkJob(
        name="edges",
        script="edges.py",
        arguments=("--limit", "ten pages", "ünïcode", "$(POD_IP)"),
        conf={"spark.sql.session.timeZone": "Europe/Vienna"},
        engine_settings={"kubernetes": {"env": {"MALLOC_ARENA_MAX": "2"}}},
        timeout_s=3600.0 if large else None,
        resources=EXECUTORS if large else Resources(executors=0),
    )
    shape = {"node_class": "large", "match_labels": {"size": "large"}} if large else {}
    return Work(
        job=job,
        offer=Offer(engine="kubernetes", name="kubernetes[..]", resources=job.resources, rates=None, shape=shape),
        token=token,
        wiring=Wiring(channel="objects", address="s3://exchange/channels", env={"ENGINESHED_CHANNEL": context}),
        staged=Staged(
            root=f"{root}/5f1c",
            digest="5f1c",
            script=Artefact("edges.py", "0a1b", f"{root}/5f1c/edges.py"),
            modules=(Artefact("webgraph/page.py", "2c3d", f"{root}/5f1c/webgraph/page.py"),),
            driver=Artefact("engineshed_driver.py", "9e8d", f"{root}/driver/9e8d/engineshed_driver.py"),
        ),
        tags={"engineshed/token": str(token), "engineshed/asset": "web/edges", "dagster/run-id": "b7"},
    )
