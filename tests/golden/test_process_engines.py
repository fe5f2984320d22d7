"""The requests of the engines that run on this machine."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engineshed.engines import local, sail
from engineshed.model.job import SparkJob
from engineshed.model.launch import LaunchKey
from engineshed.model.offer import Offer
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, Staged
from engineshed.model.wiring import Wiring
from engineshed.ports.engine import Surroundings
from engineshed.running.system_clock import SystemClock

SURROUNDINGS = Surroundings(home="/var/lib/engineshed", python="/opt/venv/bin/python", clock=SystemClock())
BUILDERS = {"local": local.build, "sail": sail.build}
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "local": {"cores": 2, "memory_gib": 3.0, "java_home": "/usr/lib/jvm/java-17"},
    "sail": {"cores": 2, "memory_gib": 3.0},
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "full": {
        "env": {"AWS_ENDPOINT_URL": "http://localhost:9000", "PYTHONPATH": "/opt/more"},
        "grace_s": 30,
        "log_limit_mib": 16,
    },
}
JOBS = {
    "plain": SparkJob(name="graph", script="graph.py"),
    "full": SparkJob(
        name="edges",
        script="spark/web_graph/edges.py",
        modules=("spark/web_graph/webgraph",),
        arguments=("--limit", "ten pages", "ünïcode"),
        conf={"spark.sql.shuffle.partitions": "8", "spark.sql.session.timeZone": "Europe/Vienna"},
        engine_settings={
            "local": {"conf": {"spark.executor.heartbeatInterval": "20s"}, "env": {"MALLOC_ARENA_MAX": "2"}},
            "sail": {"env": {"RUST_LOG": "warn"}},
        },
        tables=("pages", "links"),
        timeout_s=3600.0,
    ),
}


@pytest.mark.parametrize("name", ["plain", "full"])
@pytest.mark.parametrize("engine", ["local", "sail"])
def test_request(engine: str, name: str, matches_golden: Callable[[Request, str], None]) -> None:
    rendered = BUILDERS[engine](SETTINGS[name], SURROUNDINGS).render(work_for(engine, JOBS[name]))
    matches_golden(rendered, name)


def work_for(engine: str, job: SparkJob) -> Work:
    token = LaunchKey("5d1b", job.name, ("CC-MAIN-2024-10|hardware",)).token(7)
    script = job.script.rpartition("/")[2]
    return Work(
        job=job,
        offer=Offer(engine=engine, name=f"{engine}[2]", resources=Resources(), rates=None, shape=SHAPES[engine]),
        token=token,
        wiring=Wiring(
            channel="files",
            address=f"/var/lib/engineshed/channels/{token}",
            env={
                "DAGSTER_PIPES_CONTEXT": "eJyrVkrLz1eyUkpKLFKqBQAdegQU",
                "DAGSTER_PIPES_MESSAGES": "eJyrVipILMlQslIKDndWqgUAIQAD8Q==",
            },
        ),
        staged=Staged(
            root="/var/lib/engineshed/staged/5f1c",
            digest="5f1c",
            script=Artefact(script, "0a1b", f"/var/lib/engineshed/staged/5f1c/{script}"),
            driver=Artefact("engineshed_driver.py", "9e8d", "/var/lib/engineshed/staged/9e8d/engineshed_driver.py"),
        ),
        tags={"team": "web_graph", "engineshed/token": str(token)},
    )
