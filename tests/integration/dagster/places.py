"""Where the driver of a killed worker may run: this machine, and the doubles of cloud services that outlive the worker.

The doubles live in the process of the tests and execute what is submitted; they, and not the worker, count it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engineshed.processes.leftovers import carrying
from engineshed.testing.databricks import DatabricksDouble
from engineshed.testing.emr import EmrDouble

from .project import Project

VOLUME = "/Volumes/main/tests/exchange"
CLUSTER = {"kind": "new_cluster", "runtime": "15.4", "node_types": ["m5.xlarge"], "markets": ["on_demand"]}
PRICES = {
    ("ec2:m5.xlarge", "on_demand"): 0.192,
    ("emr:m5.xlarge", ""): 0.048,
    ("ebs:gp3", ""): 0.00011,
    ("dbu:PREMIUM_JOBS_COMPUTE", ""): 0.15,
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One engine, and the platform behind it.

    settings: the engine's. location: what else location.yaml needs for it. environment: the worker's. submitted: how
    many runs the platform was ever asked for; None where only drivers can be counted. held: what still runs or costs.
    """

    engine: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    location: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    submitted: Callable[[], int] | None = None
    held: Callable[[], list[object]] = list

    def left(self, token: str) -> list[object]:
        """What still runs of an attempt, here or on the platform."""
        return [*carrying(token), *self.held()]

    def settle_in(self, project: Project, *, pinned: str, dearer: int = 1) -> None:
        """Write the settings that workers read when they start. dearer: what prices are multiplied with."""
        engines = {self.engine: dict(self.settings), "sail": {}}
        stated = {"team": "tests", "code_location": "tests", "home": "home", "objective": {"pin": pinned}}
        _write(project.folder / "location.yaml", {**stated, "engines": engines, **self.location})
        prices = _price_list(project.folder / "prices.json", dearer)
        _write(project.folder / "platform.yaml", {"price_list": str(prices)})
        project.environment = {
            "ENGINESHED_PLATFORM": str(project.folder / "platform.yaml"),
            "ENGINESHED_DATA_ROOT": str(project.folder / "home" / "data"),
            **self.environment,
        }


def _write(path: Path, plain: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(plain)), encoding="utf-8")


def _price_list(path: Path, dearer: int) -> Path:
    stated = {"region": "us-east-1", "source": "this test", "as_of": "2026-11-01"}
    listed = [{"item": i, "market": m, "usd_per_hour": str(usd * dearer), **stated} for (i, m), usd in PRICES.items()]
    machine = {"name": "m5.xlarge", "platforms": ["emr", "databricks"], "vcpus": 4, "memory_gib": "16"}
    machine |= {"architecture": "x86_64", "dbus_per_hour": {"standard": "0.69"}}
    path.write_text(json.dumps({"version": 1, "currency": "USD", "prices": listed, "machines": [machine]}))
    return path


@contextmanager
def _emr() -> Iterator[Place]:
    with EmrDouble(execute=True, time_scale=0.002) as double:
        double.neighbours.make_bucket("jobs")
        variables = {name: value for name, value in double.environment().items() if name != "AWS_ENDPOINT_URL"}
        yield Place(
            engine="emr",
            settings={
                "region": "us-east-1",
                "endpoint_url": double.endpoint_url,
                "spot": False,
                "managed_scaling": False,
            },
            location={
                "exchange_root": "s3://jobs/exchange",
                "store": {"endpoint_url": double.neighbours.endpoint_url, "region": "us-east-1"},
            },
            environment=variables,
            submitted=lambda: len(double.submissions),
            held=lambda: list(double.billing_now()),
        )


@contextmanager
def _databricks() -> Iterator[Place]:
    with DatabricksDouble(execute=True, time_scale=0.002) as double:
        double.make_volume(VOLUME)
        yield Place(
            engine="databricks",
            settings={"host": double.host, "region": "us-east-1", "compute": [CLUSTER]},
            location={"exchange_root": VOLUME},
            environment={"DATABRICKS_HOST": double.host, "DATABRICKS_TOKEN": double.token},
            submitted=lambda: len(double.books.submissions),
            held=lambda: list(double.books.billing_now()),
        )


@contextmanager
def place(engine: str) -> Iterator[Place]:
    """The engine's place, for as long as the context lasts."""
    clouds = {"emr": _emr, "databricks": _databricks}
    if engine not in clouds:
        yield Place(engine=engine)
        return
    with clouds[engine]() as found:
        yield found
