"""Engine `databricks`: a Spark driver as a task of a Databricks job, on a cluster of its own, a pool, or serverless."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from engineshed.engines.databricks.engine import DatabricksEngine
from engineshed.engines.databricks.names import NAME
from engineshed.engines.databricks.settings import DatabricksBlock, DatabricksSettings
from engineshed.ports.engine import Engine, Surroundings
from engineshed.processes.settings import checked
from engineshed.workspace import Login, Workspace, require_sdk


def check_block(block: Mapping[str, Any]) -> None:
    """What a job says to this engine. Raises SettingInvalid."""
    checked(DatabricksBlock, block, f"engine_settings.{NAME}")


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> Engine:
    """The engine. Logs in to no workspace yet. Raises SettingInvalid, and ExtraMissing without the Databricks SDK."""
    own = checked(DatabricksSettings, settings, f"engines.{NAME}")
    require_sdk(f"engine {NAME}")
    workspace = Workspace(Login(host=own.host, profile=own.profile, timeout_s=own.request_timeout_s))
    return DatabricksEngine(own, surroundings, workspace, version("dagster-pipes"))
