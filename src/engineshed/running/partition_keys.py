"""The partitions of a backfill: those that its assets have in common by their definitions, and of these the ones asked
for. Refuses a name that is none, so that nothing is launched for a partition that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from engineshed.model.errors import SettingInvalid

_RANGE = "..."
_NAMED = 3


def partition_keys(
    definitions: Mapping[str, dg.PartitionsDefinition[Any] | None], store: dg.DagsterInstance | None = None
) -> tuple[str, ...]:
    """Asset -> its definition, of assets that are made together. In the definition's order.

    store: knows the keys of dynamic partitions. Raises SettingInvalid where there are none, or not the same.
    """
    (first, own), *others = definitions.items()
    if own is None:
        raise SettingInvalid(f"asset {first!r} has no partitions: there is nothing to fill, launch it once.")
    for name, other in others:
        if other != own:
            raise SettingInvalid(
                f"assets {first!r} and {name!r} are not partitioned alike: plan a backfill for each of them."
            )
    if store is None and _dynamic(own):
        raise SettingInvalid(
            f"partitions of asset {first!r} are dynamic, and no Dagster instance can list them: set DAGSTER_HOME."
        )
    return tuple(own.get_partition_keys(dynamic_partitions_store=store))


def _dynamic(definition: dg.PartitionsDefinition[Any]) -> bool:
    inner = getattr(definition, "partitions_defs", ())
    return isinstance(definition, dg.DynamicPartitionsDefinition) or any(_dynamic(d.partitions_def) for d in inner)


def chosen_keys(asset: str, keys: Sequence[str], said: Iterable[str]) -> tuple[str, ...]:
    """The keys that are said, each once, in the order of the definition; all where nothing is said.

    A word is a key, or `FIRST...LAST`. Raises SettingInvalid.
    """
    words = tuple(said)
    if not words:
        return tuple(keys)
    places = {key: n for n, key in enumerate(keys)}
    wanted: set[int] = set()
    for word in words:
        if word in places:
            wanted.add(places[word])
            continue
        first, found, last = word.partition(_RANGE)
        if not found:
            raise _unknown(asset, word, keys)
        start, end = (places[key] if key in places else _refuse(asset, key, keys) for key in (first, last))
        if start > end:
            raise SettingInvalid(f"partitions {word!r}: the first comes after the last, turn them round.")
        wanted.update(range(start, end + 1))
    return tuple(keys[n] for n in sorted(wanted))


def _refuse(asset: str, key: str, keys: Sequence[str]) -> int:
    raise _unknown(asset, key, keys)


def _unknown(asset: str, key: str, keys: Sequence[str]) -> SettingInvalid:
    listed = ", ".join(keys[:_NAMED]) + (f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else "")
    return SettingInvalid(
        f"asset {asset!r} has no partition {key!r}: name one of {listed or 'none'}, or a range FIRST...LAST."
    )
