"""The Pipes context that a driver receives: the stock fields, and ours under `extras.engineshed`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engineshed.model.commit import CommitRef
from engineshed.model.launch import Token
from engineshed.model.staged import Staged
from engineshed.running.order import Order
from engineshed.running.shed import Shed
from engineshed.storage.datasets import Datasets

EXTRAS_KEY = "engineshed"


def pipes_context(order: Order, token: Token, staged: Staged, shed: Shed) -> dict[str, Any]:
    """The whole context as JSON: every partition key, range and window, inputs as Parquet URIs, outputs as prefixes.

    The job's settings are stock extras too, so that a script written for stock Pipes finds them by `get_extra`.
    """
    stock = dict(order.pipes)
    extras = {**order.job.settings, **dict(stock.pop("extras", None) or {})}
    extras[EXTRAS_KEY] = {
        "token": token,
        "mode": str(order.mode),
        "job": order.job.name,
        "settings": order.job.settings,
        "tables": list(order.job.tables),
        "staged": staged.digest,
        "data": {place: list(addresses) for place, addresses in staged.data.items()},
        "store": dict(shed.store),
        "partition": _partition(order),
        "inputs": _inputs(order, shed.sources),
        "outputs": {
            target or "": shed.datasets.attempt_uri(order.asset, target, order.mode, token)
            for target in order.selection.targets
        },
    }
    return {**stock, "extras": extras}


def _partition(order: Order) -> dict[str, Any]:
    selection = order.selection
    return {
        "keys": list(selection.keys),
        "by_key": {key: dict(values) for key, values in selection.by_key.items()},
        "windows": {
            dimension: {value: asdict(window) for value, window in windows.items()}
            for dimension, windows in selection.windows.items()
        },
        "key_range": list(selection.key_range) if selection.key_range else None,
    }


def _inputs(order: Order, datasets: Datasets) -> dict[str, dict[str, dict[str, list[str]]]]:
    """own key -> upstream asset -> table -> URIs; several upstream partitions of one asset are joined."""
    seen: dict[CommitRef, Mapping[str, list[str]]] = {}
    inputs: dict[str, dict[str, dict[str, list[str]]]] = {}
    for own_key, refs in order.inputs.items():
        by_asset = inputs.setdefault(own_key, {})
        for ref in refs:
            if ref not in seen:
                commit = datasets.at(ref)
                seen[ref] = {table.name: datasets.files(commit, table.name) for table in commit.tables}
            for table, uris in seen[ref].items():
                by_asset.setdefault(ref.asset, {}).setdefault(table, []).extend(uris)
    return inputs
