"""Where live numbers go that are no facts: progress of attempts that run. Losing one never matters to a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Meter(Protocol):
    """Receives progress. Must never raise and never wait."""

    def progress(self, token: str, sequence: int, figures: Mapping[str, float]) -> None:
        """What an attempt has done so far; `sequence` grows with it, and only the newest counts."""
        ...


class Silent:
    """Where nobody listens."""

    def progress(self, token: str, sequence: int, figures: Mapping[str, float]) -> None:
        """Nothing."""
