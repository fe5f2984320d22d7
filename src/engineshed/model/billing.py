"""What a vendor charged, as its export says it, line by line; and what became of an import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Part(StrEnum):
    """The column of a cost that a line belongs to."""

    COMPUTE = "compute"
    STORAGE = "storage"
    SURCHARGE = "surcharge"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One charge of one day (UTC).

    account: whose bill it is, with the vendor's name before it (`aws:123456789012`). identity: tells lines of one
    account, day and export apart. token: that of the attempt, where the line carries it. run_id: of the platform
    `engine`, where the line names a run or a cluster of it.
    """

    account: str
    day: date
    identity: str
    part: Part
    usd: Decimal
    what: str
    token: str = ""
    engine: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillExport:
    """All that an account was charged for the days it tells of, as it was known at `exported_at`."""

    exported_at: datetime
    source: str
    lines: tuple[BillLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An attempt whose bill is not whole yet: it keeps its metered cost. `why` is for people."""

    token: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did. unmatched: lines of no attempt on record; nothing of them was written.

    outdated: lines of days that a later export has told already. billed: attempts that now have a billed cost because
    of it, or another one than before.
    """

    matched: int
    outdated: int
    billed: tuple[str, ...]
    waiting: tuple[Waiting, ...]
    unmatched: tuple[BillLine, ...]
