"""Lays preferences over one another, and says which layer decided what.

The order is the caller's: the first layer that sets a field decides it. Only `forbidden` adds up over all layers, so
that no lower layer can allow what a higher one forbids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from engineshed.model.errors import SettingInvalid
from engineshed.model.objective import Layer, Objective


def merge(layers: Sequence[Layer]) -> tuple[Objective, tuple[str, ...]]:
    """The objective in force and one line for each field that a layer set.

    Raises SettingInvalid when a pinned engine is forbidden by another layer, naming both.
    """
    chosen: dict[str, object] = {}
    said: list[str] = []
    forbidden: dict[str, str] = {}
    for layer in layers:
        for engine in sorted(layer.objective.forbidden):
            if engine not in forbidden:
                forbidden[engine] = layer.source
                said.append(f"{layer.source} forbids {engine}")
        for field in fields(Objective):
            value = getattr(layer.objective, field.name)
            if field.name == "forbidden" or value is None or value == ():
                continue
            if field.name in chosen:
                said.append(f"{layer.source} sets {field.name}={_shown(value)}, overridden above")
            else:
                chosen[field.name] = value
                said.append(f"{layer.source} sets {field.name}={_shown(value)}")
    pinned = chosen.get("pinned")
    if isinstance(pinned, str) and pinned in forbidden:
        raise SettingInvalid(
            f"engine {pinned!r} is pinned, but {forbidden[pinned]} forbids it: pin another engine or lift the ban."
        )
    objective = Objective(**chosen, forbidden=frozenset(forbidden))  # type: ignore[arg-type]
    return objective, tuple(said)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
