"""`SparkAssetComponent`: a Spark asset declared in YAML, by the same `spark_asset` as in Python.

Values are judged before Dagster resolves them, and again once templates are resolved: a wrong one is refused with file,
key and what is allowed, never with a traceback of the resolver.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import dagster as dg
from pydantic import BaseModel

from engineshed.assets.component_parts import (
    automation_of,
    backfill_policy_of,
    check_of,
    partitions_of,
    retry_policy_of,
)
from engineshed.assets.component_schema import RawAttributes, raw_attributes
from engineshed.assets.scaffolder import SparkAssetScaffolder
from engineshed.assets.spark_asset import spark_asset
from engineshed.model.errors import SettingInvalid
from engineshed.running.asset_faults import Fault, faults, is_template
from engineshed.running.asset_files import FILE_NAMES, repeated_keys, said
from engineshed.running.asset_settings import AssetSettings


@dg.scaffold_with(SparkAssetScaffolder)
class SparkAssetComponent(dg.Component, AssetSettings, dg.Model, dg.Resolvable):
    """A Spark asset: its tables are made by a script, on whichever engine the plan picks for each partition."""

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What `dg list components` and the UI say of the type."""
        return dg.ComponentTypeSpec(description=cls.__doc__, tags=["spark"], produces=["asset", "asset_check"])

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The model that Dagster reads the attributes by."""
        return raw_attributes(cls)

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """The component of a YAML document. Raises SettingInvalid, also where there are no attributes at all."""
        return super().load(attributes or raw_attributes(cls)(), context)

    @classmethod
    def resolve_from_model(cls, context: dg.ResolutionContext, model: BaseModel) -> Self:
        """The component, with templates resolved. Raises SettingInvalid naming file, key and what is allowed."""
        written = model.written if isinstance(model, RawAttributes) else model.model_dump(exclude_unset=True)
        cls._judge(written, context)
        resolved = _resolved(context, written)
        cls._judge(resolved, context)
        return cls.model_validate(resolved)

    @classmethod
    def _judge(cls, attributes: Mapping[str, Any], context: dg.ResolutionContext) -> None:
        tree = context.source_position_tree
        file = Path(tree.position.filename) if tree is not None else None
        twice = repeated_keys(file) if file is not None and file.is_file() else []
        if twice:
            raise SettingInvalid("\n".join(twice))
        found = faults(attributes, cls, folder=file.parent if file is not None and file.is_file() else None)
        if found:
            where = file or cls.__name__
            raise SettingInvalid("\n".join(said(where, fault, _line(context, fault)) for fault in found))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The asset. Raises SettingInvalid where Dagster refuses it."""
        folder = context.path if context.path.is_dir() else context.path.parent
        try:
            return dg.Definitions(assets=[self._asset(folder)])
        except Exception as error:  # Dagster refuses by errors of no common kind; each is to name the file
            raise SettingInvalid(f"{_file_in(folder, context.path)}: asset {self.asset!r}: {error}") from error

    def _asset(self, folder: Path) -> dg.AssetsDefinition:
        given: dict[str, Any] = {
            "group_name": self.group,
            "pool": self.pool,
            "description": self.description,
            "backfill_policy": backfill_policy_of(self.backfill),
            "retry_policy": retry_policy_of(self.retry),
            "automation_condition": automation_of(self.automation),
        }
        return spark_asset(
            self.asset.split("/"),
            self.spark_job(folder),
            team=self.team,
            inputs=[dg.AssetKey(name.split("/")) for name in self.inputs],
            deps=[dg.AssetKey(name.split("/")) for name in self.deps],
            objective=self.objective.objective(),
            checks=[check_of(settings) for settings in self.checks],
            partitions_def=partitions_of(self.partitions),
            owners=self.owners,
            kinds=None if self.kinds is None else set(self.kinds),
            tags=self.tags,
            **{name: value for name, value in given.items() if value is not None},
        )


def _resolved(context: dg.ResolutionContext, value: Any) -> Any:
    """The value with its templates resolved. Other text stays as it is: a version such as "3.10" is no number."""
    if isinstance(value, Mapping):
        return {key: _resolved(context.at_path(key), inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(context.at_path(n), inner) for n, inner in enumerate(value)]
    return context.resolve_value(value) if is_template(value) else value


def _line(context: dg.ResolutionContext, fault: Fault) -> int | None:
    tree = context.source_position_tree
    if tree is None:
        return None
    position, _ = tree.lookup_closest_and_path([*context.path, *fault.path], None)
    return position.start.line


def _file_in(folder: Path, path: Path) -> Path:
    return next((folder / name for name in FILE_NAMES if (folder / name).is_file()), path)
