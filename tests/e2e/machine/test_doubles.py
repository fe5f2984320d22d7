"""The showcase on this machine, on EMR's double and on Databricks' double: the same published datasets, row for row.

Each time the whole route runs: planned, staged to the platform's own store, submitted over its API, executed there by a
real PySpark driver with that platform's conventions, messages read back, published, booked. On this machine Sail makes
them, to which classic Spark is equal by tests of their own (`test_chain`, tests/integration/dagster/test_reproduce.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from company_registry.definitions import defs as company_registry
from engineshed.model.attempt import Attempt
from engineshed.model.job import Mode
from engineshed.model.money import Basis
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import open_store
from engineshed.testing.databricks import DatabricksDouble
from engineshed.testing.emr import EmrDouble
from web_graph.definitions import defs as web_graph

pytestmark = pytest.mark.needs_java
SEEDS = dg.AssetKey(["company_registry", "seeds"])
PARTITION = "SAMPLE-2025-08|languages"
TABLES = {
    "nodes_only": ("nodes", "drops"),
    "edges": ("pages", "links"),
    "graph": ("graph",),
    "graph_aggr": ("graph_aggr", "degrees"),
}
REPOSITORY = Path(__file__).parents[3]
VOLUME = "/Volumes/main/web/exchange"
FEW = {"spark.sql.shuffle.partitions": "2"}
CLUSTER = {"kind": "new_cluster", "runtime": "15.4", "node_types": ["m5.xlarge"], "markets": ["on_demand"]}


@dataclass(frozen=True)
class Made:
    """What a run of the whole job left."""

    hashes: Mapping[tuple[str, str], str]
    rows: Mapping[tuple[str, str], int]
    attempts: list[Attempt]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    def made(engine: str, settings: Mapping[str, Any], **location: Any) -> Made:
        home = tmp_path / engine
        home.mkdir()
        for name, value in _environment(home, engine, settings, location).items():
            monkeypatch.setenv(name, value)
        with dg.instance_for_test(temp_dir=str(home)) as instance:
            registry = company_registry.resolve_implicit_global_asset_job_def()
            assert registry.execute_in_process(instance=instance, asset_selection=[SEEDS]).success
            job = web_graph.resolve_job_def("who_links_to_whom")
            tags = {"engineshed/engine": engine}
            result = job.execute_in_process(instance=instance, partition_key=PARTITION, tags=tags, raise_on_error=True)
        datasets = Datasets(open_store(str(home / "data"), {}), SystemClock())
        ledger = open_ledger(f"sqlite:///{home / 'ledger.db'}")
        hashes, rows = {}, {}
        for asset, tables in TABLES.items():
            commit = datasets.latest(asset, PARTITION, Mode.SAMPLE)
            assert commit is not None, asset
            for table in tables:
                hashes[asset, table] = datasets.compute_hash(commit, table)
                rows[asset, table] = commit.table(table).rows
        attempts = list(ledger.attempts_of_run(result.run_id))
        ledger.close()
        return Made(hashes, rows, attempts)

    return made


def _environment(home: Path, engine: str, settings: Mapping[str, Any], location: Mapping[str, Any]) -> dict[str, str]:
    plain = {"team": "web-graph", "code_location": "web_graph", "engines": {engine: dict(settings)}, **location}
    (home / "location.yaml").write_text(yaml.safe_dump(plain))
    (home / "platform.yaml").write_text(yaml.safe_dump({"price_list": str(_prices(home))}))
    return {
        "ENGINESHED_LOCATION": str(home / "location.yaml"),
        "ENGINESHED_PLATFORM": str(home / "platform.yaml"),
        "ENGINESHED_HOME": str(home),
        "ENGINESHED_DATA_ROOT": str(home / "data"),
        "ENGINESHED_PAYLOADS": str(REPOSITORY / "spark" / "web_graph"),
    }


def _prices(home: Path) -> Path:
    region = "us-east-1"
    prices = {
        ("ec2:m5.xlarge", "on_demand"): "0.192", ("emr:m5.xlarge", ""): "0.048", ("ebs:gp3", ""): "0.00011",
        ("dbu:PREMIUM_JOBS_COMPUTE", ""): "0.15",
    }  # fmt: skip
    stated = {"region": region, "source": "this test", "as_of": "2026-11-01"}
    listed = [{"item": i, "market": m, "usd_per_hour": usd, **stated} for (i, m), usd in prices.items()]
    machine = {"name": "m5.xlarge", "platforms": ["emr", "databricks"], "vcpus": 4, "memory_gib": "16"}
    machine |= {"architecture": "x86_64", "dbus_per_hour": {"standard": "0.69"}}
    path = home / "prices.json"
    path.write_text(json.dumps({"version": 1, "currency": "USD", "prices": listed, "machines": [machine]}))
    return path


@pytest.fixture
def emr(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    with EmrDouble(execute=True, time_scale=0.002) as double:
        double.neighbours.make_bucket("jobs")
        for name, value in double.environment().items():
            if name != "AWS_ENDPOINT_URL":
                monkeypatch.setenv(name, value)
        settings = {
            "region": "us-east-1", "endpoint_url": double.endpoint_url, "spot": False, "managed_scaling": False,
            "conf": FEW,
        }  # fmt: skip
        store = {"endpoint_url": double.neighbours.endpoint_url, "region": "us-east-1"}
        yield settings, {"exchange_root": "s3://jobs/exchange", "store": store}
        assert double.bugs == []


@pytest.fixture
def databricks(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    with DatabricksDouble(execute=True, time_scale=0.002) as double:
        double.make_volume(VOLUME)
        monkeypatch.setenv("DATABRICKS_HOST", double.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", double.token)
        yield {"host": double.host, "region": "us-east-1", "compute": [CLUSTER], "conf": FEW}, {"exchange_root": VOLUME}


def test_all_three_publish_the_same_datasets(
    make: Callable[..., Made],
    emr: tuple[dict[str, Any], dict[str, Any]],
    databricks: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    here = make("sail", {})
    on_emr = make("emr", emr[0], **emr[1])
    on_databricks = make("databricks", databricks[0], **databricks[1])
    assert here.rows["edges", "links"] > 0
    assert here.rows["graph_aggr", "graph_aggr"] > 0
    assert on_emr.hashes == here.hashes
    assert on_databricks.hashes == here.hashes
    for made, engine in ((on_emr, "emr"), (on_databricks, "databricks")):
        assert [a.intent.engine for a in made.attempts] == [engine] * 4
        costs = [a.settlement.cost for a in made.attempts if a.settlement is not None]
        assert all(c is not None and c.basis is Basis.METERED and c.total_usd > Decimal(0) for c in costs)
