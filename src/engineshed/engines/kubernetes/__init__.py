"""Engine `kubernetes`: a Spark driver as a Job of the team's namespace, its executors as pods beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.engines.kubernetes.settings import NAME, KubernetesBlock, KubernetesSettings
from engineshed.model.errors import ExtraMissing
from engineshed.ports.engine import Engine, Surroundings
from engineshed.processes.settings import checked


def check_block(block: Mapping[str, Any]) -> None:
    """What a job says to this engine. Raises SettingInvalid."""
    checked(KubernetesBlock, block, f"engine_settings.{NAME}")


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> Engine:
    """The engine. Looks for no cluster yet. Raises SettingInvalid, and ExtraMissing without the Kubernetes client."""
    own = checked(KubernetesSettings, settings, f"engines.{NAME}")
    try:
        from engineshed.engines.kubernetes.api import open_api
        from engineshed.engines.kubernetes.engine import KubernetesEngine
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("kubernetes", "urllib3"):
            raise
        raise ExtraMissing(f"engine {NAME} needs the Kubernetes client: pip install engineshed[kubernetes].") from error
    return KubernetesEngine(own, surroundings, lambda: open_api(own))
