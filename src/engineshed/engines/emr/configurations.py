"""Classifications of an EMR cluster: what people state and what we need, merged key by key. Pure.

Nothing that a person states is lost or overwritten: where a key is stated twice with different values it is an error
that names both, never a silent choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engineshed.model.errors import JobInvalid

Classified = Mapping[str, Any]


def merged(configurations: Iterable[Classified], job: str) -> list[dict[str, Any]]:
    """One entry for each classification, nested ones likewise. Raises JobInvalid for two values of one key."""
    found: dict[str, dict[str, Any]] = {}
    for one in configurations:
        name = str(one["Classification"])
        there = found.setdefault(name, {"Classification": name, "Properties": {}})
        _merge_properties(there["Properties"], one.get("Properties") or {}, name, job)
        nested = [*there.get("Configurations", []), *(one.get("Configurations") or [])]
        if nested:
            there["Configurations"] = merged(nested, job)
    return [found[name] for name in sorted(found)]


def properties(name: str, values: Mapping[str, str]) -> dict[str, Any]:
    """A classification of plain properties."""
    return {"Classification": name, "Properties": dict(values)}


def exports(env: Mapping[str, str]) -> dict[str, Any]:
    """Variables for everything that Spark starts on a cluster's machines."""
    return {"Classification": "spark-env", "Properties": {}, "Configurations": [properties("export", env)]}


def _merge_properties(there: dict[str, str], new: Mapping[str, str], name: str, job: str) -> None:
    for key, value in new.items():
        if there.get(key, value) != value:
            raise JobInvalid(
                f"job {job!r}: {key} of classification {name} is stated as {there[key]!r} and as {value!r}: "
                "state it once."
            )
        there[key] = value
