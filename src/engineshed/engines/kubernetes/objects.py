"""Reading what the API server says of Jobs and pods: times, conditions, containers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from engineshed.engines.kubernetes import names

JSON = Mapping[str, Any]

_UNITS = {
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    "M": Decimal(1000) ** 2,
    "G": Decimal(1000) ** 3,
    "T": Decimal(1000) ** 4,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
}


def quantity(text: object) -> Decimal:
    """`500m`, `24478856Ki`, `2`, 2.5 as a plain number. Source: apimachinery's resource.Quantity."""
    plain = str(text)
    for unit in sorted(_UNITS, key=len, reverse=True):
        if plain.endswith(unit):
            return Decimal(plain.removesuffix(unit)) * _UNITS[unit]
    return Decimal(plain)


def time_of(text: str | None) -> datetime | None:
    """A time of the API server, UTC."""
    return datetime.fromisoformat(text) if text else None


def annotation(thing: JSON, name: str) -> str | None:
    """An annotation's value."""
    value: str | None = (thing["metadata"].get("annotations") or {}).get(name)
    return value


def role(pod: JSON) -> str:
    """What the pod is to its run."""
    return str((pod["metadata"].get("labels") or {}).get(names.ROLE, ""))


def driver_of(pods: Iterable[JSON]) -> JSON | None:
    """The newest driver among the pods of a run."""
    drivers = [pod for pod in pods if role(pod) == names.DRIVER]
    return max(drivers, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)


def condition(thing: JSON, kind: str) -> JSON | None:
    """The condition of that type, if it is true."""
    for known in thing.get("status", {}).get("conditions") or ():
        if known["type"] == kind and known["status"] == "True":
            found: JSON = known
            return found
    return None


def container_state(pod: JSON) -> JSON:
    """The state of its first container: one of `waiting`, `running`, `terminated`, or nothing yet."""
    for status in pod.get("status", {}).get("containerStatuses") or ():
        state: JSON = status.get("state") or {}
        return state
    return {}


def finished_at(job: JSON) -> datetime | None:
    """When the Job ended, whichever way."""
    for kind in ("Complete", "Failed"):
        known = condition(job, kind)
        if known:
            return time_of(known.get("lastTransitionTime"))
    return None
