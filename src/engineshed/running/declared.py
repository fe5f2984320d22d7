"""The Spark assets that a code location declares, read from its definitions, so that they can be planned without a run.

What is needed of each lies in the asset's own metadata (`DECLARED`), where a step of another asset finds it too.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
from dagster.components.definitions import LazyDefinitions
from pydantic import TypeAdapter, ValidationError

from engineshed.model.errors import ConfigurationInvalid
from engineshed.model.job import SparkJob
from engineshed.model.objective import Layer, Objective
from engineshed.running.order import Declared
from engineshed.running.premises import Premises

DECLARED = "engineshed/declared"
"""The metadata key: JSON of job and objective."""

BACKFILL_SENSOR = "engineshed_backfills"
"""The name of the sensor that carries out a location's backfills."""

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


def declared_assets(definitions: dg.Definitions) -> list[Declared]:
    """The Spark assets among them."""
    found = (
        from_metadata("/".join(spec.key.path), spec.metadata, ("/".join(dep.asset_key.path) for dep in spec.deps))
        for spec in definitions.resolve_all_asset_specs()
    )
    return [declared for declared in found if declared is not None]


def module_of(location_file: Path) -> str:
    """The module that the folder of location.yaml is: its packages' names, joined by dots."""
    parts = [location_file.parent.name]
    for folder in location_file.parent.parents:
        if not (folder / "__init__.py").is_file():
            break
        parts.insert(0, folder.name)
    return ".".join(parts)


def definitions_of(premises: Premises) -> dg.Definitions:
    """Those of the module beside location.yaml, or of `definitions` in it. Raises ConfigurationInvalid."""
    name = module_of(premises.location_file)
    problems: list[str] = []
    for module in (f"{name}.definitions", name):
        try:
            loaded = importlib.import_module(module)
        except ModuleNotFoundError as error:
            problems.append(str(error))
            continue
        for value in vars(loaded).values():
            if isinstance(value, dg.Definitions):
                return value
            if isinstance(value, LazyDefinitions) and isinstance(made := value(), dg.Definitions):
                return made
    raise ConfigurationInvalid(
        f"no Dagster definitions are found in the module {name!r} ({'; '.join(problems) or 'it defines none'}): "
        "install the code location here, or name its location.yaml with --location."
    )
