"""The requests of engine databricks: each kind of compute, a named job, packed packages, a cluster that is stated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engineshed.engines.databricks.rendering import Place, render
from engineshed.engines.databricks.settings import DatabricksSettings
from engineshed.engines.databricks.shape import Shape
from engineshed.model.job import SparkJob
from engineshed.model.launch import LaunchKey
from engineshed.model.offer import Offer
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, PackedEnvironment, Staged
from engineshed.model.wiring import Wiring
from engineshed.processes.settings import checked

PLACE = Place(code_location="web_graph", access={"region": "eu-central-1"}, pipes="1.13.27")
VOLUME = "/Volumes/main/web_graph/exchange"

COMPUTE: Mapping[str, Mapping[str, Any]] = {
    "new_cluster": {"kind": "new_cluster", "runtime": "16.4"},
    "pool": {"kind": "pool", "runtime": "16.4", "pool": "0101-120000-pool", "driver_pool": "0101-120000-small"},
    "existing": {"kind": "existing", "runtime": "15.4", "cluster": "0923-164208-shared"},
    "serverless": {"kind": "serverless", "environment_version": "4", "performance": "PERFORMANCE_OPTIMIZED"},
}
EVERYTHING: Mapping[str, Any] = {
    "policy": "E06216CAA0000360",
    "instance_profile": "arn:aws:iam::123456789012:instance-profile/spark",
    "access_mode": "SINGLE_USER",
    "single_user": "spark@example.com",
    "init_scripts": ["/Volumes/main/web_graph/init/certs.sh", "s3://ours/init.sh", "/Workspace/Shared/init.sh"],
    "libraries": [{"maven": {"coordinates": "org.example:reader:1.0"}}],
    "conf": {"spark.sql.shuffle.partitions": "400", "spark.hadoop.fs.s3a.secret.key": "{{secrets/web/s3}}"},
    "env": {"CRAWL_TOKEN": "{{secrets/web/crawl}}", "RUST_LOG": "warn"},
    "tags": {"cost-centre": "42"},
    "permissions": [{"group": "web", "level": "CAN_MANAGE_RUN"}, {"user": "ana@example.com", "level": "IS_OWNER"}],
    "run_as_service_principal": "5d1b0000-0000-4000-8000-000000000000",
    "log_folder": f"{VOLUME}/logs",
}
STATED: Mapping[str, Any] = {
    "spark_version": "17.3.x-scala2.13",
    "node_type_id": "i3.2xlarge",
    "autoscale": {"min_workers": 2, "max_workers": 8},
    "aws_attributes": {"ebs_volume_count": 2, "ebs_volume_size": 200},
    "spark_conf": {"spark.sql.shuffle.partitions": "12"},
    "spark_env_vars": {"THEIRS": "kept"},
    "custom_tags": {"project": "theirs"},
}

CASES: Mapping[str, Mapping[str, Any]] = {
    "plain": {"compute": "new_cluster"},
    "full": {"compute": "new_cluster", "settings": EVERYTHING, "market": "spot"},
    "autoscale_photon": {"compute": "new_cluster", "photon": True, "most_workers": 9},
    "single_node": {"compute": "new_cluster", "workers": 0, "most_workers": 0},
    "stated": {"compute": "new_cluster", "settings": EVERYTHING, "block": {"new_cluster": STATED}},
    "pool": {"compute": "pool"},
    "existing": {"compute": "existing", "block": {"env": {"OWN": "1"}}},
    "serverless": {"compute": "serverless", "settings": {"budget_policy": "b1"}},
    "named": {"compute": "new_cluster", "settings": {**EVERYTHING, "named_jobs": True}},
    "packed": {"compute": "new_cluster", "packed": "3.12", "root": VOLUME},
    "packed_serverless": {"compute": "serverless", "packed": "3.12", "root": "s3://exchange"},
    "without_an_exchange": {"compute": "new_cluster", "packed": "3.12", "root": "/var/lib/engineshed"},
}


@pytest.mark.parametrize("name", CASES)
def test_request(name: str, matches_golden: Callable[[Request, str], None]) -> None:
    matches_golden(render(*given(**CASES[name])), name)


def given(
    *,
    compute: str,
    settings: Mapping[str, Any] | None = None,
    block: Mapping[str, Any] | None = None,
    packed: str = "",
    root: str = "s3://exchange",
    **shape: Any,
) -> tuple[Work, DatabricksSettings, Place]:
    """What `render` takes."""
    own = {"compute": [COMPUTE[compute]], "region": "eu-central-1", **(settings or {})}
    return (
        work_for(compute, block or {}, packed, root, shape),
        checked(DatabricksSettings, own, "engines.databricks"),
        PLACE,
    )


def work_for(compute: str, block: Mapping[str, Any], packed: str, root: str, shape: Mapping[str, Any]) -> Work:
    token = LaunchKey("5d1b", "edges", ("CC-MAIN-2024-10|hardware",)).token(7)
    made = {
        "compute": 0,
        "kind": compute,
        "node_type": "m6id.xlarge",
        "driver_node_type": "m6id.large",
        "workers": 3,
        "most_workers": 3,
        "market": "on_demand",
        **shape,
    }
    address = f"{VOLUME}/channels/{token}"
    job = SparkJob(
        name="edges",
        script="edges.py",
        arguments=("--limit", "ten pages", "ünïcode"),
        libraries=("fastwarc==1.0.0",),
        conf={} if compute == "serverless" else {"spark.sql.session.timeZone": "Europe/Vienna"},
        engine_settings={"databricks": block},
        timeout_s=5400.5,
        resources=Resources(driver_cores=2, driver_memory_gib=4, executors=3, executor_cores=4, executor_memory_gib=8),
    )
    name = Shape.from_json(made).name
    return Work(
        job=job,
        offer=Offer(engine="databricks", name=name, resources=job.resources, rates=None, shape=made),
        token=token,
        wiring=Wiring(
            channel="volumes",
            address=address,
            env={"ENGINESHED_CHANNEL": "unused"},
            arguments=("--engineshed-channel", f'{{"context": "{address}/context.json", "kind": "objects"}}'),
        ),
        staged=staged(root, packed),
        tags={
            "engineshed/token": str(token),
            "engineshed/team": "web",
            "engineshed/asset": "web/edges (all)",
            "engineshed/mode": "full",
            "dagster/run-id": "b7d1",
            "dagster/code-location": "web_graph",
        },
    )


def staged(root: str, packed: str) -> Staged:
    """As `Exchange.stage` gives it."""
    environment = None
    if packed:
        wheel = Artefact("fastwarc-1.0.0.whl", "7f6e", f"{root}/packages/7f6e/fastwarc-1.0.0.whl")
        environment = PackedEnvironment(python=packed, architecture="x86_64", lock_sha256="c0ff", wheels=(wheel,))
    return Staged(
        root=f"{root}/staged/5f1c",
        digest="5f1c",
        script=Artefact("edges.py", "0a1b", f"{root}/staged/5f1c/edges.py"),
        modules=(Artefact("webgraph/page.py", "2c3d", f"{root}/staged/5f1c/webgraph/page.py"),),
        driver=Artefact("engineshed_driver.py", "9e8d", f"{root}/staged/driver/9e8d/engineshed_driver.py"),
        relay=Artefact("engineshed_relay.py", "4b5a", f"{root}/staged/driver/4b5a/engineshed_relay.py"),
        environment=environment,
    )
