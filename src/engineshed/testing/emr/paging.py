"""Markers: opaque, good only for the list that gave them, and stable while the list grows at its front."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from engineshed.testing.emr.refusals import bad_request

Item = TypeVar("Item")


def page(
    items: Sequence[Item], of: str, marker: str | None, size: int, position: Callable[[Item], Any]
) -> tuple[Sequence[Item], str | None]:
    """The next items and the marker of those after them, None after the last. `position` tells items apart for good.

    Raises Refusal for a marker that this list did not give.
    """
    start = 0
    if marker:
        last = _read(marker, of)
        start = next((n + 1 for n, item in enumerate(items) if position(item) == last), len(items))
    found = items[start : start + size]
    more = start + size < len(items)
    return found, _marker(of, position(found[-1])) if more else None


def paged(name: str, said: Sequence[dict[str, Any]], marker: str | None) -> dict[str, Any]:
    """The answer of a list operation."""
    return {name: list(said), **({"Marker": marker} if marker else {})}


def _marker(of: str, position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([of, position]).encode()).decode()


def _read(marker: str, of: str) -> Any:
    try:
        list_name, position = json.loads(base64.urlsafe_b64decode(marker))
    except ValueError:
        raise bad_request(f"Marker '{marker}' is not valid.") from None
    if list_name != of:
        raise bad_request(f"Marker '{marker}' is not valid.")
    return position
