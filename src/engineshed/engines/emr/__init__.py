"""Engine `emr`: a Spark driver as a step of a cluster of its own on AWS EMR, or of a cluster that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.engines.emr.names import NAME
from engineshed.engines.emr.settings import EmrBlock, EmrSettings
from engineshed.model.errors import ExtraMissing
from engineshed.ports.engine import Engine, Surroundings
from engineshed.processes.settings import checked


def check_block(block: Mapping[str, Any]) -> None:
    """What a job says to this engine. Raises SettingInvalid."""
    checked(EmrBlock, block, f"engine_settings.{NAME}")


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> Engine:
    """The engine. Asks AWS nothing yet. Raises SettingInvalid, and ExtraMissing without boto3."""
    own = checked(EmrSettings, settings, f"engines.{NAME}")
    try:
        from engineshed.engines.emr.client import EmrClient, neighbours
        from engineshed.engines.emr.engine import EmrEngine
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("boto3", "botocore"):
            raise
        raise ExtraMissing(f"engine {NAME} needs boto3: pip install engineshed[emr].") from error
    return EmrEngine(own, surroundings, EmrClient(own), neighbours(own, surroundings.exchange_access))
