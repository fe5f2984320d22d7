"""Lists in pages: opaque tokens that say where the next page begins."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

from engineshed.testing.databricks.refusals import invalid

Item = TypeVar("Item", bound=Any)


def page(items: Sequence[Item], size: int, token: str | None) -> tuple[list[Item], str]:
    """The page of a token (the first without one) and the next page's token, empty on the last. Raises Refusal."""
    start = _start(token) if token else 0
    shown = list(items[start : start + size])
    more = start + size < len(items)
    return shown, base64.urlsafe_b64encode(f"from:{start + size}".encode()).decode() if more else ""


def _start(token: str) -> int:
    try:
        word, _, start = base64.urlsafe_b64decode(token).decode().partition(":")
        if word != "from":
            raise ValueError(token)
        return int(start)
    except ValueError:
        raise invalid(f"Invalid page_token: {token!r}.") from None
