"""Runs the showcase on the engines there are here, one after the other, and writes docs/comparison.md from its cost.

Local and Sail are this machine; EMR and Databricks are their doubles, which execute the very driver here and bill by
their own clocks. The figures go into docs/comparison.csv, of which the page is a pure function (`make.comparison`);
where only some engines are asked for, those of the others are kept.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from make.comparison import COLUMNS, FIGURES, PAGE, render

ROOT = Path(__file__).resolve().parent.parent
PARTITION = "SAMPLE-2025-08|languages"
JOB = "who_links_to_whom"
VOLUME = "/Volumes/main/web/exchange"
REGION = "us-east-1"
FEW = {"spark.sql.shuffle.partitions": "2"}
CLUSTER = {"kind": "new_cluster", "runtime": "15.4", "node_types": ["m5.xlarge"], "markets": ["on_demand"]}
NODE_USD_PER_HOUR = 0.192
PRICES = {
    ("ec2:m5.xlarge", "on_demand"): "0.192",
    ("emr:m5.xlarge", ""): "0.048",
    ("ebs:gp3", ""): "0.00011",
    ("dbu:PREMIUM_JOBS_COMPUTE", ""): "0.15",
}
"""List prices, so that both clouds rent the same machine; `node`, an hour of this one, is priced like it."""

Location = Mapping[str, Any]


def main() -> int:
    """The engines that are named, by default all, and the page. `--in FOLDER`: one engine alone, its rows to stdout."""
    parser = argparse.ArgumentParser(prog="make compare", description=__doc__)
    parser.add_argument("engines", nargs="*", default=list(PLACES), help=f"of {', '.join(PLACES)}")
    parser.add_argument("--in", dest="home", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if unknown := sorted(set(asked.engines) - set(PLACES)):
        parser.error(f"there is no {', '.join(unknown)} here: name some of {', '.join(PLACES)}")
    if asked.home is not None:
        (engine,) = asked.engines
        sys.stdout.write(_made_on(engine, asked.home))
        return 0
    rows = [row for row in _kept() if row["engine"] not in asked.engines]
    for engine in asked.engines:
        print(f"compare: the showcase on {engine}", flush=True)
        with tempfile.TemporaryDirectory(prefix="engineshed-compare-") as home:
            rows += csv.DictReader(_in_a_process_of_its_own(engine, home).splitlines(), COLUMNS)
    _write(rows)
    print(f"compare: written {PAGE.relative_to(ROOT)} and {FIGURES.relative_to(ROOT)}")
    return 0


def _kept() -> list[dict[str, str]]:
    return list(csv.DictReader(FIGURES.read_text(encoding="utf-8").splitlines())) if FIGURES.is_file() else []


def _write(rows: Sequence[Mapping[str, str]]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    # The sort is stable: the steps of an engine stay in the order in which they ran.
    writer.writerows(sorted(rows, key=lambda row: list(PLACES).index(row["engine"])))
    FIGURES.write_text(out.getvalue(), encoding="utf-8")
    PAGE.write_text(render(out.getvalue()), encoding="utf-8")


def _in_a_process_of_its_own(engine: str, home: str) -> str:
    """Its rows. Settings are read from the environment once, and what drivers print goes into a file."""
    log = Path(home, "log")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ENGINESHED_", "DAGSTER_"))}
    with log.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "make.compare", engine, "--in", home],
            cwd=ROOT, env={**kept, "DAGSTER_DISABLE_TELEMETRY": "yes"}, stdout=subprocess.PIPE, stderr=out, text=True,
        )  # fmt: skip
    if done.returncode != 0:
        print(log.read_text()[-4000:], file=sys.stderr)
        raise SystemExit(f"compare: the showcase failed on {engine}, see above.")
    return done.stdout.partition(_ROWS)[2]


_ROWS = "== rows\n"
"""Drivers on this machine share the standard output: what follows this line is ours."""


@contextmanager
def _local(home: Path) -> Iterator[Location]:
    yield {"engines": {"local": {"usd_per_hour": None}}}


@contextmanager
def _sail(home: Path) -> Iterator[Location]:
    yield {"engines": {"sail": {"usd_per_hour": None}}}


@contextmanager
def _emr(home: Path) -> Iterator[Location]:
    from engineshed.testing.emr import EmrDouble

    with EmrDouble(execute=True, time_scale=0.002) as double:
        double.neighbours.make_bucket("jobs")
        os.environ.update({k: v for k, v in double.environment().items() if k != "AWS_ENDPOINT_URL"})
        settings = {"region": REGION, "endpoint_url": double.endpoint_url, "spot": False, "managed_scaling": False}
        store = {"endpoint_url": double.neighbours.endpoint_url, "region": REGION}
        yield {"engines": {"emr": {**settings, "conf": FEW}}, "exchange_root": "s3://jobs/exchange", "store": store}


@contextmanager
def _databricks(home: Path) -> Iterator[Location]:
    from engineshed.testing.databricks import DatabricksDouble

    with DatabricksDouble(execute=True, time_scale=0.002) as double:
        double.make_volume(VOLUME)
        os.environ.update({"DATABRICKS_HOST": double.host, "DATABRICKS_TOKEN": double.token})
        settings = {"host": double.host, "region": REGION, "compute": [CLUSTER], "conf": FEW}
        yield {"engines": {"databricks": settings}, "exchange_root": VOLUME}


PLACES = {"local": _local, "sail": _sail, "emr": _emr, "databricks": _databricks}


def _made_on(engine: str, home: Path) -> str:
    with PLACES[engine](home) as location:
        _settle_in(home, location)
        run_id = _run(engine, home)
        return _ROWS + _rows(run_id, home)


def _settle_in(home: Path, location: Location) -> None:
    plain = {"team": "web-graph", "code_location": "web_graph", **location}
    stated = {"region": REGION, "source": "list price", "as_of": "2026-11-01"}
    listed = [{"item": item, "market": market, "usd_per_hour": usd, **stated} for (item, market), usd in PRICES.items()]
    machine = {"name": "m5.xlarge", "platforms": ["emr", "databricks"], "vcpus": 4, "memory_gib": "16"}
    machine |= {"architecture": "x86_64", "dbus_per_hour": {"standard": "0.69"}}
    book = {"version": 1, "currency": "USD", "prices": listed, "machines": [machine]}
    (home / "prices.json").write_text(json.dumps(book))
    node = {"node": {"usd_per_hour": NODE_USD_PER_HOUR, "as_of": "2026-11-01", "source": "as an m5.xlarge"}}
    platform = {"price_list": str(home / "prices.json"), "prices": node}
    for name, content in {"location.yaml": plain, "platform.yaml": platform}.items():
        (home / name).write_text(yaml.safe_dump(content))
    os.environ.update(
        {
            "DAGSTER_HOME": str(home),
            "ENGINESHED_LOCATION": str(home / "location.yaml"),
            "ENGINESHED_PLATFORM": str(home / "platform.yaml"),
            "ENGINESHED_HOME": str(home),
            "ENGINESHED_DATA_ROOT": str(home / "data"),
            "ENGINESHED_PAYLOADS": str(ROOT / "spark" / "web_graph"),
        }
    )


def _run(engine: str, home: Path) -> str:
    import dagster as dg

    from company_registry.definitions import defs as registry
    from web_graph.definitions import defs as web_graph

    with dg.DagsterInstance.local_temp(str(home)) as instance:
        seeds = registry.resolve_implicit_global_asset_job_def()
        seeds.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["company_registry", "seeds"])])
        job = web_graph.resolve_job_def(JOB)
        tags = {"engineshed/engine": engine}
        return job.execute_in_process(instance=instance, partition_key=PARTITION, tags=tags).run_id


def _rows(run_id: str, home: Path) -> str:
    from engineshed.storage.ledger import open_ledger

    ledger = open_ledger(f"sqlite:///{home / 'ledger.db'}")
    waiting = f"{os.getloadavg()[2] / (os.cpu_count() or 1):.1f}"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for attempt in ledger.attempts_of_run(run_id):
        settlement = attempt.settlement
        if settlement is None or settlement.cost is None or settlement.usage is None:
            raise SystemExit(f"compare: what {attempt.intent.asset} cost on {attempt.intent.engine} is not known.")
        cost, intent = settlement.cost, attempt.intent
        parts = [f"{usd:.8f}" for usd in (cost.total_usd, cost.compute_usd, cost.storage_usd, cost.surcharge_usd)]
        hours = f"{settlement.usage.hours:.6f}"
        writer.writerow([intent.asset, intent.engine, intent.offer, hours, *parts, str(cost.basis), waiting])
    ledger.close()
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
