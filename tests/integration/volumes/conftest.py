"""A workspace with a volume, and the path to the suite of all object stores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engineshed.testing.databricks import DatabricksDouble
from engineshed.testing.databricks.machines import Machines

sys.path[:0] = [str(Path(__file__).parents[2] / "unit" / "storage")]

VOLUME = "/Volumes/main/web_graph/exchange"


@pytest.fixture(scope="session")
def started() -> Iterator[DatabricksDouble]:
    machines = Machines(session="none", connect="none")
    with DatabricksDouble(execute=True, time_scale=0.001, machines=machines) as double:
        yield double


@pytest.fixture
def double(started: DatabricksDouble, monkeypatch: pytest.MonkeyPatch) -> DatabricksDouble:
    monkeypatch.setenv("DATABRICKS_HOST", started.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", started.token)
    started.make_volume(VOLUME)
    return started


@pytest.fixture
def root(double: DatabricksDouble, request: pytest.FixtureRequest) -> str:
    """A place in the volume that no other test has."""
    number = getattr(double, "_places", 0) + 1
    double._places = number  # type: ignore[attr-defined]
    return f"{VOLUME}/place-{number}"
