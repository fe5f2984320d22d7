"""What a driver said: numbered Pipes messages, in batches that end at a cursor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """One Pipes message. `sequence` counts from 1 within the channel's address and identifies it for ever."""

    sequence: int
    method: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages in order, and the cursor from which the next poll goes on.

    closed: the writer's `closed` is among the messages read up to here.
    damaged: how many pieces could not be read as messages (a foreign line, a torn write) and were passed over.
    """

    messages: tuple[Message, ...] = ()
    cursor: str = ""
    closed: bool = False
    damaged: int = 0


PROGRESS_KEY = "engineshed/progress"
"""Key of a custom message's payload that carries a progress report of the driver."""

REPORT_KEY = "engineshed/report"
"""Key of a custom message's payload that carries the payload's own counts and metadata."""

SEAL_KEY = "engineshed/seal"
"""Key of a custom message's payload that says that all tables of the attempt are written."""
