"""The rules of rendering; the whole requests are in tests/golden."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from engineshed.engines import local, sail
from engineshed.model.errors import JobInvalid
from engineshed.model.request import Request, Work
from engineshed.model.staged import Artefact, Staged
from engineshed.ports.engine import Surroundings

SHAPE = {"cores": 2, "memory_gib": 1.5}
MakeWork = Callable[..., Work]


def session(request: Request) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(request.body["env"]["ENGINESHED_SESSION"])
    return loaded


def test_spark_settings_win_in_the_order_engine_job_block(surroundings: Surroundings, make_work: MakeWork) -> None:
    work = make_work(
        "local",
        SHAPE,
        conf={"spark.sql.session.timeZone": "Europe/Vienna", "spark.a": "job", "spark.b": "job"},
        engine_settings={"local": {"conf": {"spark.b": "block"}}, "emr": {"anything": 1}},
    )
    made = session(local.build({}, surroundings).render(work))
    assert made["master"] == "local[2]"
    assert made["conf"]["spark.driver.memory"] == "1536m"
    assert made["conf"]["spark.sql.session.timeZone"] == "Europe/Vienna"
    assert (made["conf"]["spark.a"], made["conf"]["spark.b"]) == ("job", "block")


@pytest.mark.parametrize("key", ["spark.master", "spark.remote", "spark.submit.deployMode"])
def test_a_setting_that_the_engine_decides_is_refused_and_not_dropped(
    surroundings: Surroundings, make_work: MakeWork, key: str
) -> None:
    with pytest.raises(JobInvalid, match=f"edges.*{key}"):
        sail.build({}, surroundings).render(make_work("sail", SHAPE, conf={key: "x"}))


@pytest.mark.parametrize(
    ("block", "fact"), [({"cores": 1}, "allowed are conf, env"), ({"env": {"ENGINESHED_X": "1"}}, "set by engineshed")]
)
def test_a_wrong_block_is_refused(
    surroundings: Surroundings, make_work: MakeWork, block: Mapping[str, Any], fact: str
) -> None:
    with pytest.raises(JobInvalid, match=fact):
        sail.build({}, surroundings).render(make_work("sail", SHAPE, engine_settings={"sail": block}))


def test_variables_win_in_the_order_engine_settings_block_route(
    surroundings: Surroundings, make_work: MakeWork
) -> None:
    engine = sail.build({"env": {"A": "settings", "B": "settings", "PYTHONPATH": "/more"}}, surroundings)
    env = engine.render(make_work("sail", SHAPE, engine_settings={"sail": {"env": {"B": "block"}}})).body["env"]
    assert (env["A"], env["B"], env["DAGSTER_PIPES_CONTEXT"]) == ("settings", "block", "c")
    assert env["PYTHONPATH"] == "/staged/d1:/staged/driver:/more"


def test_artefacts_of_another_machine_are_refused(surroundings: Surroundings, make_work: MakeWork) -> None:
    elsewhere = Artefact("edges.py", "s1", "s3://bucket/d1/edges.py")
    work = make_work("sail", SHAPE)
    staged = Staged(root="s3://bucket/d1", digest="d1", script=elsewhere, driver=elsewhere)
    moved = replace(work, staged=staged)
    with pytest.raises(JobInvalid, match=r"s3://bucket/d1/edges\.py is not on this machine"):
        sail.build({}, surroundings).render(moved)


def test_file_uris_are_paths(surroundings: Surroundings, make_work: MakeWork) -> None:
    there = Artefact("edges.py", "s1", "file:///staged/d%201/edges.py")
    work = make_work("sail", SHAPE)
    staged = Staged(root="file:///staged/d%201", digest="d1", script=there, driver=there)
    moved = replace(work, staged=staged)
    assert sail.build({}, surroundings).render(moved).body["argv"][1] == "/staged/d 1/edges.py"
