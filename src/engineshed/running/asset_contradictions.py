"""Where values of an asset that are fine alone do not fit together, or name a file that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from engineshed.model.errors import ConfigurationInvalid
from engineshed.running.asset_settings import AssetSettings, NoDanglingSettings
from engineshed.running.roster import ENGINES, installed
from engineshed.running.schema_keys import KeyPath

CHECK_BLOCK = "check_block"
"""A function that an engine's module may have beside `build`: takes the job's block, raises SettingInvalid."""

Contradiction = tuple[KeyPath, str]


def contradictions(asset: AssetSettings, folder: Path | None) -> Iterator[Contradiction]:
    """Key path and fact of each. folder: where script and modules are looked up; without it they are not."""
    yield from _of_job(asset, folder)
    yield from _of_engines(asset)
    for kind, names in (("inputs", asset.inputs), ("deps", asset.deps)):
        for n, name in enumerate(names):
            if name == asset.asset:
                yield (kind, n), f"an asset is not its own input (got {name!r})"
    yield from _of_partitions(asset)
    for n, check in enumerate(asset.checks):
        kind, asked = check.chosen
        yield from (((*("checks", n, kind), key), fact) for key, fact in _of_check(asset, asked))
    try:
        asset.objective.objective()
    except ConfigurationInvalid as error:
        yield ("objective", "pin"), str(error)


def _of_job(asset: AssetSettings, folder: Path | None) -> Iterator[Contradiction]:
    try:
        asset.spark_job(folder)
    except ConfigurationInvalid as error:
        yield ("job",), str(error)
    if folder is None:
        return
    if not (folder / asset.job.script).is_file():
        yield ("job", "script"), f"no such file in {folder} (got {asset.job.script!r})"
    for n, module in enumerate(asset.job.modules):
        if not (folder / module).exists():
            yield ("job", "modules", n), f"no such file or folder in {folder} (got {module!r})"


def _of_engines(asset: AssetSettings) -> Iterator[Contradiction]:
    """What the block of an engine says wrongly; judged by the engine itself where it offers that."""
    points = installed(ENGINES) if asset.job.engine_settings else {}
    for name, block in asset.job.engine_settings.items():
        judge = getattr(import_module(points[name].module), CHECK_BLOCK, None) if name in points else None
        if judge is None:
            continue
        try:
            judge(block)
        except ConfigurationInvalid as error:
            yield ("job", "engine_settings", name), str(error).removeprefix(f"engine_settings.{name}.")


def _of_partitions(asset: AssetSettings) -> Iterator[Contradiction]:
    for name, dimension in (asset.partitions or {}).items():
        kind, value = dimension.chosen
        if kind == "values":
            if len(set(value)) != len(value):
                yield ("partitions", name, kind), "a value is given twice"
        elif value.end is not None and value.end <= value.start:
            yield ("partitions", name, kind, "end"), "give a time after `start`"


def _of_check(asset: AssetSettings, asked: Any) -> Iterator[tuple[str, str]]:
    tables = ", ".join(asset.job.tables) or "none"
    if asked.table not in asset.job.tables:
        yield "table", f"not a table of the job; job.tables: {tables} (got {asked.table!r})"
    if not isinstance(asked, NoDanglingSettings):
        return
    if asked.of_asset is None and asked.of_table not in asset.job.tables:
        yield "of_table", f"not a table of the job; job.tables: {tables} (got {asked.of_table!r})"
    if asked.of_asset is not None and asked.of_asset not in asset.inputs:
        inputs = ", ".join(asset.inputs) or "none"
        yield "of_asset", f"not an input of the asset; inputs: {inputs} (got {asked.of_asset!r})"
