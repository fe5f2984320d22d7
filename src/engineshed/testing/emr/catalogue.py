"""The releases and instance types that EMR offers: the lists that AWS gave, as moto ships them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from moto.utilities.utils import load_resource


@cache
def releases() -> tuple[str, ...]:
    """Release labels of us-east-1, newest first."""
    return tuple(load_resource("emr/resources/release-labels-us-east-1.json"))


@cache
def supported_types(release: str) -> Sequence[dict[str, Any]]:
    """As `SupportedInstanceType`, for a release that exists."""
    types = _types()
    return [types[name] for name in load_resource(f"emr/resources/instance-types-{release}.json") if name in types]


@cache
def names(release: str) -> frozenset[str]:
    """Of the instance types of a release that exists."""
    return frozenset(entry["Type"] for entry in supported_types(release))


@cache
def _types() -> dict[str, dict[str, Any]]:
    return dict(load_resource("emr/resources/instance_types.json"))


def vcpus(instance_type: str) -> int:
    """Virtual CPUs of one machine; 1 for a type that the list does not have."""
    return int(_types().get(instance_type, {}).get("VCPU", 1))


def normalized(instance_type: str) -> int:
    """What one hour of it counts in `NormalizedInstanceHours`: 8 for an xlarge, twice as much for a 2xlarge."""
    size = instance_type.rpartition(".")[2]
    if size.endswith("xlarge"):
        return 8 * int(size.removesuffix("xlarge") or 1)
    return {"small": 1, "medium": 2, "large": 4}.get(size, 1)
