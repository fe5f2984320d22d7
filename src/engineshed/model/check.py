"""The outcome of one data check, before or after publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What a check found. A failed `blocking` check keeps the partition from being published.

    `metadata` is plain JSON: numbers, texts, short lists.
    """

    name: str
    passed: bool
    blocking: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
