"""The cluster as far as it is known: objects by kind and scope, kept by the watches, read whole by the loop.

Of each object only what the catalogue reads is kept, so that changes that mean nothing wake nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from engineshed.discovery import marks
from engineshed.discovery.catalogue import Json
from engineshed.discovery.rollout import rolled_out


class Kind(Enum):
    """What is watched."""

    NAMESPACES = "namespaces"
    SERVICES = "services"
    SLICES = "endpointslices"


class Knowledge(Enum):
    """How much a watch knows of its scope."""

    UNKNOWN = "unknown"
    KNOWN = "known"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one watch sees: a kind, in one namespace or in all."""

    kind: Kind
    namespace: str = ""


class ClusterView:
    """The objects of every scope. Safe for many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = 0
        self._objects: dict[Scope, dict[str, Json]] = {}
        self._knowledge: dict[Scope, Knowledge] = {}

    def replace(self, scope: Scope, objects: Iterable[Json]) -> None:
        """All of a scope, after a list."""
        trimmed: dict[str, Json] = {_name(each): trim(each) for each in objects}
        with self._changed:
            if self._objects.get(scope) != trimmed or self._knowledge.get(scope) is not Knowledge.KNOWN:
                self._objects[scope], self._knowledge[scope] = trimmed, Knowledge.KNOWN
                self._tell()

    def put(self, scope: Scope, thing: Json) -> None:
        """One object, new or changed."""
        name, trimmed = _name(thing), trim(thing)
        with self._changed:
            if self._objects.setdefault(scope, {}).get(name) != trimmed:
                self._objects[scope][name] = trimmed
                self._tell()

    def drop(self, scope: Scope, thing: Json) -> None:
        """One object that is no more."""
        with self._changed:
            if self._objects.get(scope, {}).pop(_name(thing), None) is not None:
                self._tell()

    def deny(self, scope: Scope) -> None:
        """Nothing of a scope may be read (any more): its objects count as gone."""
        with self._changed:
            if self._knowledge.get(scope) is not Knowledge.DENIED:
                self._objects.pop(scope, None)
                self._knowledge[scope] = Knowledge.DENIED
                self._tell()

    def forget(self, namespace: str) -> None:
        """A namespace that is watched no more."""
        with self._changed:
            for scope in [s for s in self._knowledge if s.namespace == namespace and s.kind is not Kind.NAMESPACES]:
                self._objects.pop(scope, None)
                del self._knowledge[scope]
            self._tell()

    def objects(self, kind: Kind) -> list[Json]:
        """Every known object of a kind."""
        with self._changed:
            return [each for scope, them in self._objects.items() if scope.kind is kind for each in them.values()]

    def namespaces(self) -> frozenset[str]:
        """The names of the labelled namespaces."""
        with self._changed:
            return frozenset(self._objects.get(Scope(Kind.NAMESPACES), {}))

    def knowledge(self, scope: Scope) -> Knowledge:
        """How much is known of a scope."""
        with self._changed:
            return self._knowledge.get(scope, Knowledge.UNKNOWN)

    @property
    def is_complete(self) -> bool:
        """Whether every scope was listed or refused at least once: only then is absence a fact."""
        with self._changed:
            names = self._objects.get(Scope(Kind.NAMESPACES))
            wanted = [Scope(kind, n) for n in names or () for kind in (Kind.SERVICES, Kind.SLICES)]
            return names is not None and all(scope in self._knowledge for scope in wanted)

    @property
    def version(self) -> int:
        """Grows with each change."""
        with self._changed:
            return self._version

    def wait_past(self, version: int, timeout_s: float) -> int:
        """Wait for a change after `version`; the version then, which is `version` when time ran out."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != version, timeout_s)
            return self._version

    def _tell(self) -> None:
        self._version += 1
        self._changed.notify_all()


def trim(thing: Json) -> dict[str, Any]:
    """What the catalogue reads of an object, and nothing else."""
    meta = _mapping(thing.get("metadata"))
    kept: dict[str, Any] = {
        "metadata": {
            **{key: meta.get(key) for key in ("name", "namespace", "uid", "creationTimestamp")},
            "labels": _marked(meta.get("labels"), marks.DOMAIN, marks.SERVICE_OF_SLICE),
            "annotations": _marked(meta.get("annotations"), marks.DOMAIN),
            "rolledOut": rolled_out(meta),
        }
    }
    if "spec" in thing:
        spec = _mapping(thing["spec"])
        kept["spec"] = {key: spec[key] for key in ("type", "clusterIP", "ports") if key in spec}
    if "endpoints" in thing:
        endpoints = thing["endpoints"] if isinstance(thing["endpoints"], list) else []
        kept["endpoints"] = [
            {"addresses": bool(e.get("addresses")), "conditions": {"ready": _mapping(e.get("conditions")).get("ready")}}
            for e in map(_mapping, endpoints)
        ]
    return kept


def _marked(values: object, *prefixes: str) -> dict[str, object]:
    return {key: value for key, value in _mapping(values).items() if str(key).startswith(prefixes)}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _name(thing: Json) -> str:
    return str(_mapping(thing.get("metadata")).get("name"))
