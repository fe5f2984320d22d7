"""What rendering merges, and what it refuses before anything is paid for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from engineshed.engines.databricks.clusters import laid_over
from engineshed.engines.databricks.names import cluster_tags, token_of
from engineshed.engines.databricks.rendering import Place, render
from engineshed.engines.databricks.settings import DatabricksSettings
from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob
from engineshed.model.launch import Token
from engineshed.model.offer import Offer
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, PackedEnvironment, Staged
from engineshed.model.wiring import Wiring
from engineshed.processes.settings import checked

TOKEN = Token("es-0123456789abcdef01234567")
NEW: Mapping[str, Any] = {"kind": "new_cluster", "runtime": "15.4"}
SERVERLESS: Mapping[str, Any] = {"kind": "serverless", "environment_version": "4"}
EXISTING: Mapping[str, Any] = {"kind": "existing", "runtime": "15.4", "cluster": "c1"}
JOB = SparkJob(name="edges", script="edges.py")
RELAY = Artefact("engineshed_relay.py", "4b5a", "/staged/engineshed_relay.py")


def rendered(
    compute: Mapping[str, Any] = NEW,
    *,
    job: SparkJob = JOB,
    block: Mapping[str, Any] | None = None,
    environment: PackedEnvironment | None = None,
    arguments: tuple[str, ...] = ("--engineshed-channel", "{}"),
    relay: Artefact | None = RELAY,
    **settings: Any,
) -> Request:
    own = checked(DatabricksSettings, {"compute": [compute], **settings}, "engines.databricks")
    shape = {"compute": 0, "kind": compute["kind"], "node_type": "m6i.large", "driver_node_type": "m6i.large"}
    staged = Staged(
        root="/staged",
        digest="d1",
        script=Artefact("edges.py", "0a1b", "/staged/edges.py"),
        driver=Artefact("engineshed_driver.py", "9e8d", "/staged/engineshed_driver.py"),
        relay=relay,
        environment=environment,
    )
    work = Work(
        job=replace(job, engine_settings={"databricks": block or {}}),
        offer=Offer(engine="databricks", name="small", resources=Resources(), rates=None, shape=shape),
        token=TOKEN,
        wiring=Wiring(channel="volumes", address="/Volumes/a/b/c/channels/x", arguments=arguments),
        staged=staged,
        tags={"engineshed/token": TOKEN},
    )
    return render(work, own, Place(code_location="web_graph", access={}, pipes="1.13.27"))


def cluster(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = request.body["submit"]["tasks"][0]["new_cluster"]
    return found


def packed(python: str, architecture: str = "x86_64") -> PackedEnvironment:
    wheel = Artefact("fastwarc-1.0.0.whl", "7f6e", "/staged/fastwarc-1.0.0.whl")
    return PackedEnvironment(python=python, architecture=architecture, lock_sha256="c0", wheels=(wheel,))


def test_nothing_of_the_users_is_lost() -> None:
    spec = cluster(
        rendered(
            job=replace(JOB, conf={"spark.a": "job", "spark.b": "job"}),
            block={
                "conf": {"spark.b": "block"},
                "env": {"OWN": "block"},
                "new_cluster": {
                    "spark_conf": {"spark.c": "stated"},
                    "spark_env_vars": {"STATED": "1"},
                    "custom_tags": {"project": "theirs"},
                    "autotermination_minutes": 30,
                },
            },
            conf={"spark.a": "settings", "spark.d": "settings"},
            env={"OWN": "settings", "SHARED": "1"},
        )
    )
    assert {**spec["spark_conf"], "spark.master": "", "spark.databricks.cluster.profile": ""} == {
        "spark.a": "job",
        "spark.b": "block",
        "spark.c": "stated",
        "spark.d": "settings",
        "spark.master": "",
        "spark.databricks.cluster.profile": "",
    }
    assert spec["spark_env_vars"] == {"OWN": "block", "SHARED": "1", "STATED": "1"}
    assert spec["custom_tags"]["project"] == "theirs"
    assert spec["custom_tags"]["engineshed-token"] == TOKEN
    assert spec["autotermination_minutes"] == 30


def test_a_stated_size_takes_the_place_of_the_made_one() -> None:
    made = {"num_workers": 3, "node_type_id": "a", "driver_node_type_id": "a", "aws_attributes": {"zone_id": "auto"}}
    assert laid_over(made, {"autoscale": {"min_workers": 1, "max_workers": 2}}).get("num_workers") is None
    pooled = laid_over(made, {"instance_pool_id": "p"})
    assert {"node_type_id", "driver_node_type_id"}.isdisjoint(pooled)
    assert laid_over(made, {"aws_attributes": {"first_on_demand": 2}})["aws_attributes"] == {
        "zone_id": "auto",
        "first_on_demand": 2,
    }
    assert "aws_attributes" not in laid_over(made, {"azure_attributes": {"availability": "SPOT_AZURE"}})


def test_the_token_names_the_run_once_and_for_all() -> None:
    submit = rendered().body["submit"]
    assert submit["idempotency_token"] == TOKEN
    assert len(submit["idempotency_token"]) <= 64
    assert token_of({"run_name": submit["run_name"]}) == TOKEN


def test_a_named_jobs_run_carries_its_token_in_its_parameters() -> None:
    channel = json.dumps({"context": f"/Volumes/a/b/c/channels/{TOKEN}/context.json"})
    body = rendered(named_jobs=True, arguments=("--engineshed-channel", channel)).body
    run = {
        "run_name": body["job"]["name"],
        "overriding_parameters": {"python_params": body["run_now"]["python_params"]},
    }
    assert token_of(run) == TOKEN
    assert TOKEN not in json.dumps(body["job"])


@pytest.mark.parametrize("name", ["nightly", "es-0123", "edges es-0123456789abcdef0123456789", None])
def test_foreign_runs_carry_no_token(name: str | None) -> None:
    assert token_of({"run_name": name}) is None


def test_a_definition_is_the_same_for_every_run_and_another_for_another_content() -> None:
    first, again = rendered(named_jobs=True), rendered(named_jobs=True, arguments=("--engineshed-channel", '{"x": 1}'))
    other = rendered(named_jobs=True, conf={"spark.a": "1"})
    tags = [request.body["job"]["tags"]["engineshed-definition"] for request in (first, again, other)]
    assert tags[0] == tags[1] != tags[2]
    allowed = rendered(named_jobs=True, permissions=[{"group": "web", "level": "CAN_VIEW"}])
    assert allowed.body["job"]["tags"]["engineshed-definition"] != tags[0]


@pytest.mark.parametrize(("compute", "python"), [(NEW, "3.11"), (EXISTING, "3.11"), (SERVERLESS, "3.12")])
def test_packages_for_the_runtimes_python_are_installed(compute: Mapping[str, Any], python: str) -> None:
    text = rendered(compute, environment=packed(python)).canonical()
    assert "/Workspace/Shared/engineshed/7f6e/fastwarc-1.0.0.whl" in text
    assert "dagster-pipes" not in text


@pytest.mark.parametrize(
    ("compute", "environment", "said"),
    [
        (NEW, packed("3.12"), "packed for Python 3.12 on x86_64, and runtime 15.4 (Spark 3.5.0, Python 3.11)"),
        (NEW, packed("3.11", "aarch64"), "packed for Python 3.11 on aarch64"),
        (EXISTING, packed("3.10"), "runtime 15.4"),
        (SERVERLESS, packed("3.11"), "serverless environment version 4 (Spark 4.0.0, Python 3.12)"),
    ],
)
def test_packages_for_another_python_are_refused(
    compute: Mapping[str, Any], environment: PackedEnvironment, said: str
) -> None:
    with pytest.raises(JobInvalid) as caught:
        rendered(compute, environment=environment)
    assert said in str(caught.value)
    assert "pack it for that, or set another runtime" in str(caught.value)


def test_packages_for_arm_go_to_arm_machines() -> None:
    arm = NEW | {"architecture": "arm64"}
    assert "fastwarc" in rendered(arm, environment=packed("3.11", "aarch64")).canonical()
    with pytest.raises(JobInvalid, match=r"Python 3\.11 on aarch64: pack it for that"):
        rendered(arm, environment=packed("3.11"))


@pytest.mark.parametrize("compute", [SERVERLESS, EXISTING])
def test_a_secrets_reference_where_nobody_resolves_it_is_refused(compute: Mapping[str, Any]) -> None:
    with pytest.raises(JobInvalid, match="CRAWL_TOKEN refers to a secret scope, which only new clusters resolve"):
        rendered(compute, env={"CRAWL_TOKEN": "{{secrets/web/crawl}}"})


def test_settings_that_choose_another_cluster_are_refused() -> None:
    with pytest.raises(JobInvalid, match=r"spark\.master"):
        rendered(job=replace(JOB, conf={"spark.master": "local[1]"}))


def test_parameters_beyond_what_the_api_takes_are_refused() -> None:
    with pytest.raises(JobInvalid, match="above 10000"):
        rendered(arguments=("--engineshed-channel", "x" * 10_000))


def test_a_job_staged_without_the_relay_says_what_to_install() -> None:
    with pytest.raises(JobInvalid, match="engineshed-driver"):
        rendered(relay=None)


def test_serverless_takes_python_packages_only() -> None:
    wheel = rendered(SERVERLESS, block={"libraries": [{"whl": "/Volumes/a/b/c/x.whl"}]})
    assert wheel.body["submit"]["environments"][0]["spec"]["dependencies"][-1] == "/Volumes/a/b/c/x.whl"
    with pytest.raises(JobInvalid, match="Python packages only"):
        rendered(SERVERLESS, libraries=[{"jar": "s3://ours/x.jar"}])


def test_tags_are_what_clouds_take() -> None:
    tags = cluster_tags({"a/b": "web/edges|CC (1)", "long": "x" * 300}, {"mine": "1"})
    assert tags == {"mine": "1", "a-b": "web/edges_CC _1_", "long": "x" * 255}
