"""The double in virtual time, and with drivers that really run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("databricks.sdk")

from tests.integration.databricks.clients import Workspace, open_workspace
from tests.integration.databricks.scripts import STORE

from engineshed.testing.databricks import DatabricksDouble, Machines


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """In virtual time; tasks take ten minutes and succeed."""
    with DatabricksDouble() as double:
        yield open_workspace(double)


@pytest.fixture(scope="module")
def drivers() -> Iterator[Workspace]:
    """Drivers without Spark, a thousand times as quick as the vendor's."""
    machines = Machines(
        session="none", connect="none", secrets={"team/key": "sesame"}, env={"PROFILE": "here"}, objects=STORE
    )
    with DatabricksDouble(execute=True, time_scale=0.001, machines=machines) as double:
        yield open_workspace(double)
