"""What a namespace is given, as manifests. Pure.

Only objects that carry our label are ever replaced. They belong to the Services by which discovery finds the code
locations of the namespace, so that the garbage collector takes them with the last release.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from engineshed.discovery.catalogue import Json

CONFIG_MAP: Final = "engineshed-instance"
SECRET: Final = "engineshed-database"
PASSWORD_KEY: Final = "postgresql-password"
FILES: Final = ("dagster.yaml", "platform.yaml")
CLUSTER_FILE: Final = "cluster.json"
OURS: Final = {"app.kubernetes.io/managed-by": "engineshed-provisioner", "app.kubernetes.io/part-of": "engineshed"}

#: A ConfigMap holds 1 MiB; what is beyond this is left out and said to be.
_CLUSTER_BYTES_AT_MOST = 700_000

_SUFFIXES: Mapping[str, Decimal] = {
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}


@dataclass(frozen=True, slots=True)
class Content:
    """What every namespace is given: the files by name, and the database password."""

    files: Mapping[str, str]
    password: bytes


def config_map(content: Content) -> dict[str, Any]:
    """The ConfigMap, without namespace and owners."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP, "labels": dict(OURS)},
        "data": dict(content.files),
    }


def secret(content: Content) -> dict[str, Any]:
    """The Secret, without namespace and owners."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "labels": dict(OURS)},
        "type": "Opaque",
        "data": {PASSWORD_KEY: base64.b64encode(content.password).decode()},
    }


def owners(services: Iterable[Json]) -> list[dict[str, str]]:
    """Owner references to the Services of the namespace's code locations, in a fixed order."""
    found = [each["metadata"] for each in services]
    return [
        {"apiVersion": "v1", "kind": "Service", "name": str(meta["name"]), "uid": str(meta["uid"])}
        for meta in sorted(found, key=lambda m: str(m["uid"]))
    ]


def is_ours(existing: Json) -> bool:
    """Whether the provisioner made the object."""
    labels = (existing.get("metadata") or {}).get("labels") or {}
    return all(labels.get(key) == value for key, value in OURS.items())


def successor(existing: Json, wanted: Json, owned_by: Sequence[Json] | None) -> dict[str, Any] | None:
    """The object that replaces `existing`, or None when there is nothing to change.

    `owned_by` None: the owners are not known and stay as they are.
    """
    meta = existing.get("metadata") or {}
    before = meta.get("ownerReferences") or []
    after = before if owned_by is None else list(owned_by)
    if existing.get("data") == wanted["data"] and before == after:
        return None
    kept = {key: meta[key] for key in ("name", "namespace", "resourceVersion", "uid") if key in meta}
    return {**wanted, "metadata": {**kept, **wanted["metadata"], "ownerReferences": after}}


def nodes(items: Iterable[Json]) -> list[dict[str, Any]]:
    """Each node: name, allocatable cores and bytes, labels, taints, whether pods are scheduled on it; by name."""
    return sorted(map(_node, items), key=lambda node: str(node["name"]))


def cluster_file(found: Sequence[Json], as_of: str) -> str:
    """The text of cluster.json. `truncated` says how many nodes did not fit."""
    kept = list(found)
    while True:
        cut = len(found) - len(kept)
        text = json.dumps({"nodes": kept, "as_of": as_of, **({"truncated": cut} if cut else {})}, sort_keys=True)
        if len(text) <= _CLUSTER_BYTES_AT_MOST or not kept:
            return text + "\n"
        kept = kept[: len(kept) * 3 // 4]


def quantity(text: object) -> Decimal:
    """A Kubernetes quantity in its base unit; 0 for what is none."""
    written = str(text)
    number = written.rstrip("kKMGTim")
    try:
        return Decimal(number) * _SUFFIXES.get(written[len(number) :], Decimal(1))
    except InvalidOperation:
        return Decimal(0)


def _node(node: Json) -> dict[str, Any]:
    meta, spec, status = (node.get(key) or {} for key in ("metadata", "spec", "status"))
    allocatable = status.get("allocatable") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return {
        "name": str(meta.get("name")),
        "cpu": float(quantity(allocatable.get("cpu", "0"))),
        "memory_bytes": int(quantity(allocatable.get("memory", "0"))),
        "labels": dict(meta.get("labels") or {}),
        "taints": [{k: t[k] for k in ("key", "value", "effect") if k in t} for t in spec.get("taints") or ()],
        "schedulable": ready and not spec.get("unschedulable", False),
    }
