"""What one step is asked to do, whole and as JSON: it goes into the intent, so that a successor needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from engineshed.model.commit import CommitRef
from engineshed.model.job import Mode, SparkJob
from engineshed.model.objective import Layer
from engineshed.model.partition import PartitionSelection


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One asset's declaration. asset: the key's parts joined by `/`; after: the assets it reads or waits for."""

    asset: str
    job: SparkJob
    layer: Layer
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One step's work.

    asset: the asset key's parts joined by `/`. job: already laid out for the mode. inputs: for each own partition key
    ('' when there are no partitions) the upstream commits that the job reads, pinned before the submit. pipes: the
    stock fields of the Pipes context. provenance: facts about code, image and configuration. backfill: the id of the
    one that the run belongs to and pays from, empty where there is none.
    ahead: the run's other Spark assets that are still to come, their jobs laid out for the mode; they bear on the plan
    and are not put on record.
    """

    asset: str
    job: SparkJob
    mode: Mode
    team: str
    code_location: str
    selection: PartitionSelection = field(default_factory=PartitionSelection)
    inputs: Mapping[str, tuple[CommitRef, ...]] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    asset_group: str = ""
    pipes: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    ahead: tuple[Declared, ...] = ()
    backfill: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back to an equal value."""
        plain: dict[str, Any] = _ORDER.dump_python(replace(self, ahead=()), mode="json")
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Order:
        """The order that `to_json` wrote. Raises pydantic.ValidationError naming the field."""
        return _ORDER.validate_python(plain)


_ORDER: TypeAdapter[Order] = TypeAdapter(Order)
