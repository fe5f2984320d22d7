"""The cluster's nodes: what pods may request there, and whether a run fits.

Read from the file that the platform writes for teams, who need no right to list nodes; from the API server where there
is no such file (a laptop). Refuses to guess where neither answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from engineshed.engines.kubernetes.api import Api
from engineshed.engines.kubernetes.objects import quantity
from engineshed.engines.kubernetes.settings import Toleration
from engineshed.model.errors import EngineError

GIB = Decimal(2**30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node; cores and memory are what pods may request there."""

    name: str
    cores: Decimal
    memory_gib: Decimal
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, Any], ...] = ()
    schedulable: bool = True

    def takes(self, selector: Mapping[str, str], tolerations: Sequence[Toleration]) -> bool:
        """Whether pods with that selector and those tolerations may run there."""
        hard = [taint for taint in self.taints if taint.get("effect") != "PreferNoSchedule"]
        return (
            self.schedulable
            and all(self.labels.get(key) == value for key, value in selector.items())
            and all(any(_tolerates(known, taint) for known in tolerations) for taint in hard)
        )


def read_nodes(file: str, api: Api) -> tuple[Node, ...] | str:
    """The nodes, or why they are not known."""
    try:
        return tuple(_of_file(plain) for plain in json.loads(Path(file).read_text(encoding="utf-8"))["nodes"])
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{file} is not readable as the cluster's nodes ({error!r})"
    try:
        return tuple(_of_api(plain) for plain in api.items("/api/v1/nodes"))
    except EngineError as error:
        return f"there is no {file}, and the API server does not list nodes ({error})"


def fits(pods: Iterable[tuple[Decimal, Decimal]], nodes: Iterable[Node]) -> bool:
    """Whether pods (cores, GiB) find room on empty nodes, the largest first."""
    room = [[node.cores, node.memory_gib] for node in nodes]
    for cores, memory_gib in sorted(pods, reverse=True):
        free = next((left for left in room if left[0] >= cores and left[1] >= memory_gib), None)
        if free is None:
            return False
        free[0] -= cores
        free[1] -= memory_gib
    return True


def _tolerates(known: Toleration, taint: Mapping[str, Any]) -> bool:
    if known.effect is not None and known.effect != taint.get("effect"):
        return False
    if known.key is None:
        return known.operator == "Exists"
    same = known.operator == "Exists" or (known.value or "") == (taint.get("value") or "")
    return known.key == taint.get("key") and same


def _of_file(plain: Mapping[str, Any]) -> Node:
    return Node(
        name=plain["name"],
        cores=quantity(plain["cpu"]),
        memory_gib=quantity(plain["memory_bytes"]) / GIB,
        labels=plain.get("labels") or {},
        taints=tuple(plain.get("taints") or ()),
        schedulable=bool(plain.get("schedulable", True)),
    )


def _of_api(plain: Mapping[str, Any]) -> Node:
    allocatable = plain["status"].get("allocatable", {})
    return Node(
        name=plain["metadata"]["name"],
        cores=quantity(allocatable.get("cpu", 0)),
        memory_gib=quantity(allocatable.get("memory", 0)) / GIB,
        labels=plain["metadata"].get("labels") or {},
        taints=tuple(plain["spec"].get("taints") or ()),
        schedulable=not plain["spec"].get("unschedulable", False),
    )
