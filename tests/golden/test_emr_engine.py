"""The requests of engine emr: on demand, on spot, with all that a team may state, on a cluster that exists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engineshed.engines.emr.rendering import Place, render
from engineshed.engines.emr.settings import EmrSettings
from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob
from engineshed.model.launch import LaunchKey
from engineshed.model.offer import Offer
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, PackedEnvironment, Staged
from engineshed.model.wiring import Wiring
from engineshed.processes.settings import checked

EXCHANGE = "s3://web/exchange"
PLACE = Place(exchange=EXCHANGE, access={"region": "eu-central-1"}, log_uri=f"{EXCHANGE}/emr-logs/")
TOKEN = LaunchKey("root-run", "edges", ("c1|d1",)).token(7)
WORKERS = [
    {"type": "m6a.2xlarge", "count": 3, "vcpus": 8, "disk_gib": 64},
    {"type": "m6a.xlarge", "count": 6, "vcpus": 4, "disk_gib": 64},
]
OWN = {"market": "on_demand", "primary": [{"type": "m6a.xlarge", "count": 1, "vcpus": 4, "disk_gib": 64}]}
EVERYTHING: Mapping[str, Any] = {
    "region": "eu-central-1",
    "network": {
        "subnets": ["subnet-1", "subnet-2"],
        "primary_security_group": "sg-1",
        "worker_security_group": "sg-2",
        "service_access_security_group": "sg-3",
    },
    "machine": {"image": "ami-1", "instance_profile": "spark", "root_gib": 40, "disk_gib": 100},
    "security_configuration": "encrypted",
    "bootstrap": [{"name": "certificates", "path": "s3://ours/certs.sh", "arguments": ["--all"]}],
    "configurations": [
        {"classification": "spark-defaults", "properties": {"spark.sql.shuffle.partitions": "400"}},
        {
            "classification": "spark-env",
            "configurations": [{"classification": "export", "properties": {"THEIRS": "kept"}}],
        },
    ],
    "conf": {"spark.speculation": "true"},
    "env": {"RUST_LOG": "warn"},
    "tags": {"cost-centre": "42"},
}

AGAINST_US = {"classification": "yarn-site", "properties": {"yarn.node-labels.enabled": "no"}}

CASES: Mapping[str, Mapping[str, Any]] = {
    "on_demand": {"shape": {**OWN, "workers": WORKERS}},
    "spot": {"shape": {**OWN, "market": "spot", "workers": WORKERS}},
    "everything": {"shape": {**OWN, "workers": WORKERS}, "settings": EVERYTHING, "packed": True},
    "existing": {"shape": {"cluster": "j-EXISTING"}},
}


def work(shape: Mapping[str, Any], *, packed: bool = False, block: Mapping[str, Any] | None = None) -> Work:
    job = SparkJob(
        name="edges",
        script="edges.py",
        arguments=("--limit", "5"),
        conf={"spark.sql.adaptive.enabled": "true"},
        engine_settings={"emr": dict(block or {})},
        timeout_s=3600,
    )
    wheel = Artefact(
        "boto3-1-py3-none-any.whl", "c" * 64, f"{EXCHANGE}/staged/wheels/{'c' * 64}/boto3-1-py3-none-any.whl"
    )
    environment = PackedEnvironment(python="3.11", architecture="x86_64", lock_sha256="d" * 64, wheels=(wheel,))
    return Work(
        job=job,
        offer=Offer(engine="emr", name="3x m6a.2xlarge", resources=Resources(executors=6), rates=None, shape=shape),
        token=TOKEN,
        wiring=Wiring(
            channel="objects",
            address=f"{EXCHANGE}/channels/{TOKEN}",
            arguments=("--engineshed-channel", '{"version": 1}'),
        ),
        staged=Staged(
            root=f"{EXCHANGE}/staged/a",
            digest="a",
            script=Artefact("edges.py", "a" * 64, f"{EXCHANGE}/staged/a/edges.py"),
            driver=Artefact("engineshed_driver.py", "b" * 64, f"{EXCHANGE}/staged/driver/b/engineshed_driver.py"),
            relay=Artefact("engineshed_relay.py", "e" * 64, f"{EXCHANGE}/staged/driver/e/engineshed_relay.py"),
            environment=environment if packed else None,
        ),
        tags={"engineshed/token": TOKEN, "engineshed/team": "web", "dagster/run-id": "run-1"},
    )


@pytest.mark.parametrize("case", CASES)
def test_the_request_is_as_before(case: str, matches_golden: Callable[[Request, str], None]) -> None:
    asked = CASES[case]
    settings = checked(EmrSettings, {"region": "us-east-1", **asked.get("settings", {})}, "engines.emr")
    matches_golden(render(work(asked["shape"], packed=asked.get("packed", False)), settings, PLACE), case)


def test_what_a_team_states_and_what_we_need_stand_together() -> None:
    settings = checked(EmrSettings, EVERYTHING, "engines.emr")
    asked = CASES["everything"]
    cluster = render(work(asked["shape"], packed=True), settings, PLACE).body["cluster"]
    found = {c["Classification"]: c for c in cluster["Configurations"]}
    assert found["spark-defaults"]["Properties"] == {
        "spark.executorEnv.PYTHONPATH": "/usr/local/engineshed/packages",
        "spark.sql.shuffle.partitions": "400",
    }
    (export,) = found["spark-env"]["Configurations"]
    assert export["Properties"].keys() == {"THEIRS", "RUST_LOG", "PYTHONPATH"}


def test_the_wiring_goes_by_arguments_which_no_classification_touches() -> None:
    step = render(work(CASES["on_demand"]["shape"]), EmrSettings(region="us-east-1"), PLACE).body["cluster"]["Steps"][0]
    assert step["HadoopJarStep"]["Args"][-4:] == [
        "--engineshed-channel",
        '{"version": 1}',
        "--engineshed-launch",
        f"{EXCHANGE}/channels/{TOKEN}/launch.json",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"place": Place(exchange="/data/exchange", access={}, log_uri="/")}, "exchange_root to an s3:// address"),
        ({"settings": {"release": "emr-7.5.0", "architecture": "arm64"}, "packed": True}, "--architecture aarch64"),
        ({"block": {"env": {"A": "b"}}, "shape": {"cluster": "j-1"}}, "env cannot be given to cluster j-1"),
        ({"block": {"conf": {"spark.long": "x" * 10_240}}}, "EMR takes 10240"),
        (
            {
                "settings": {
                    "configurations": [
                        {"classification": "yarn-site", "properties": {"yarn.node-labels.enabled": "no"}}
                    ]
                }
            },
            "state it once",
        ),
    ],
)
def test_what_cannot_run_is_refused_with_the_remedy(change: Mapping[str, Any], said: str) -> None:
    settings = checked(EmrSettings, {"region": "us-east-1", **change.get("settings", {})}, "engines.emr")
    one = work(
        change.get("shape", CASES["on_demand"]["shape"]), packed=change.get("packed", False), block=change.get("block")
    )
    with pytest.raises(JobInvalid, match=said):
        render(one, settings, change.get("place", PLACE))
