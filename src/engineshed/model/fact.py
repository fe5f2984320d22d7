"""One append-only row of what happened; every counter is a pure function of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class FactKind(StrEnum):
    """The closed set of kinds."""

    INTENDED = "intended"
    SUBMITTED = "submitted"
    ADOPTED = "adopted"
    STATE = "state"
    PROGRESS = "progress"
    MESSAGES = "messages"
    CUSTOM = "custom"
    CANCEL_ASKED = "cancel_asked"
    PUBLISHED = "published"
    SETTLED = "settled"
    FAILED_OVER = "failed_over"
    BILLING_FAILED = "billing_failed"
    POLL_FAILED = "poll_failed"
    CHANNEL_BROKEN = "channel_broken"
    REAPED = "reaped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What happened at `at` (UTC). `identity` (token, kind, sequence) makes it count once, however often it is put."""

    kind: FactKind
    identity: str
    at: datetime
    token: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
