"""What must run once, and the durable handles that make it so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NewType

from engineshed.model.job import Mode

Token = NewType("Token", str)
"""Names one attempt on every platform: `es-` and 24 hex digits, valid as a DNS label, tag and idempotency token."""

TOKEN_PREFIX = "es-"


@dataclass(frozen=True, slots=True)
class LaunchKey:
    """What must run once: a step of a root run, for a set of partitions.

    The root run's id survives run retries and re-executions; the run id, the retry number and the pod do not.
    """

    root_run_id: str
    step_key: str
    partition_keys: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """64 hex digits; equal keys have equal digests on every machine."""
        plain = json.dumps([self.root_run_id, self.step_key, *self.partition_keys], ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()

    def token(self, ordinal: int) -> Token:
        """The token of the attempt with that ordinal."""
        return Token(TOKEN_PREFIX + hashlib.sha256(f"{self.digest}:{ordinal}".encode()).hexdigest()[:24])


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """The row written before the submit: enough to find the run even when the reply was lost.

    `ordinal` comes from a durable counter of the ledger and grows over all launches, so a later attempt always
    publishes over an earlier one. `address` is where the channel's messages lie. `record` is JSON for people and for
    reproduction: plan, request, provenance. `backfill` is the id of the one that pays, empty where there is none.
    """

    token: Token
    key: LaunchKey
    ordinal: int
    run_id: str
    asset: str
    job: str
    team: str
    code_location: str
    mode: Mode
    engine: str
    offer: str
    channel: str
    address: str
    reserved_usd: Decimal
    created_at: datetime
    record: Mapping[str, Any] = field(default_factory=dict)
    backfill: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Durable handle of a foreign run: find it, watch it, bill it, stop it. `submitted_at` is UTC."""

    engine: str
    token: Token
    native_id: str
    submitted_at: datetime
    url: str | None = None
    extras: Mapping[str, str] = field(default_factory=dict)
