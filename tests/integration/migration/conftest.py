"""Dagster's own client of Databricks, in the environment that it needs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from benchmarks.clients import environment


@pytest.fixture(scope="session")
def databricks_python() -> Path:
    """The interpreter that has dagster-databricks and the databricks-sdk that it pins."""
    try:
        return environment.databricks_python()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the environment of Dagster's client of Databricks cannot be made here: {error}")
