"""What an asset carries of its declaration, so that it can be planned without a run: by the command line, by a step of
another asset, by the sensor that carries out backfills. It lies in the asset's own metadata (`DECLARED`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from engineshed.model.job import SparkJob
from engineshed.model.objective import Layer, Objective
from engineshed.running.order import Declared

DECLARED = "engineshed/declared"
"""The metadata key: JSON of job and objective."""
_JOB: TypeAdapter[SparkJob] = TypeAdapter(SparkJob)
_OBJECTIVE: TypeAdapter[Objective] = TypeAdapter(Objective)


def as_metadata(job: SparkJob, objective: Objective) -> dg.JsonMetadataValue:
    """What an asset carries of its declaration. Payload settings are left out: they may be large, and plan nothing."""
    plain = {
        "job": _JOB.dump_python(replace(job, settings={}), mode="json", exclude_defaults=True),
        "objective": _OBJECTIVE.dump_python(objective, mode="json", exclude_defaults=True),
    }
    return dg.MetadataValue.json(plain)


def from_metadata(asset: str, metadata: Mapping[str, Any], after: Iterable[str] = ()) -> Declared | None:
    """What `as_metadata` wrote; None for an asset that is not ours, or of another version's making."""
    carried = metadata.get(DECLARED)
    plain: Any = getattr(carried, "value", carried)
    if isinstance(plain, str):
        plain = json.loads(plain)
    try:
        job, objective = _JOB.validate_python(plain["job"]), _OBJECTIVE.validate_python(plain["objective"])
    except (ValidationError, KeyError, TypeError):
        return None
    return Declared(asset=asset, job=job, layer=asset_layer(objective), after=tuple(after))


def asset_layer(objective: Objective) -> Layer:
    """What an asset's own declaration prefers."""
    return Layer("asset", objective, own=True)
