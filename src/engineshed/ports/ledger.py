"""What the one durable home must do. Every write that moves an attempt is fenced by a lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from engineshed.model.attempt import Attempt, Lease, Settlement
from engineshed.model.backfill import Backfill
from engineshed.model.billing import BillExport, Imported
from engineshed.model.budget import Account, Room, Standing, Terms
from engineshed.model.fact import Fact
from engineshed.model.history import PastRun
from engineshed.model.job import Mode
from engineshed.model.launch import Intent, Launch, LaunchKey, Token
from engineshed.model.spending import Spending


class Ledger(Protocol):
    """Intents, launches, leases, settlements, backfills, facts.

    All methods raise LedgerBusy when the database is away or locked for longer than its own patience. Methods that take
    a lease check, in the same transaction, that its epoch is still the newest of its name and raise LeaseLost
    otherwise. The facts `told` go in with it, so that what happened and what is counted never differ.
    """

    def acquire(self, name: str, holder: str, *, now: datetime, ttl_s: float) -> Lease | None:
        """The lease, with a new epoch, when nobody else holds it at `now`; the holder's own is renewed; else None."""
        ...

    def renew(self, lease: Lease, *, now: datetime, ttl_s: float) -> Lease:
        """The lease with a later end, same epoch. Raises LeaseLost."""
        ...

    def release(self, lease: Lease) -> None:
        """Give it up. No error when it is lost already."""
        ...

    def held(self, name: str, *, now: datetime) -> bool:
        """Whether somebody holds the lease at `now`. Only looks; nobody's lease changes hands by it."""
        ...

    def next_ordinal(self, at_least: int = 1) -> int:
        """A number never given before, at least `at_least`; grows over all launches, survives restarts."""
        ...

    def record_intent(
        self, intent: Intent, lease: Lease, told: Iterable[Fact] = (), terms: Terms | None = None
    ) -> None:
        """Write the row before the submit. Raises LedgerError when the key already has a live attempt.

        terms: checked in the same transaction against what others have committed by then, under a lock of each account
        and room. Raises BudgetExceeded, EngineFull; nothing is recorded then.
        """
        ...

    def record_launch(self, launch: Launch, lease: Lease, told: Iterable[Fact] = ()) -> None:
        """Write the platform's reply beside the intent of the same token; the same launch twice is no error."""
        ...

    def save_cursor(self, token: Token, cursor: str, lease: Lease) -> None:
        """Remember how far messages were handed on."""
        ...

    def settle(self, token: Token, settlement: Settlement, lease: Lease, told: Iterable[Fact] = ()) -> Attempt:
        """End the attempt, once: a second call returns the attempt as it was settled first."""
        ...

    def attempt(self, token: Token) -> Attempt | None:
        """The attempt with that token."""
        ...

    def attempts(self, key: LaunchKey) -> Sequence[Attempt]:
        """All attempts of a key, by ordinal."""
        ...

    def live_attempts(self) -> Sequence[Attempt]:
        """All attempts that are not settled, by ordinal: what the reaper looks at."""
        ...

    def attempts_of_run(self, run_id: str) -> Sequence[Attempt]:
        """All attempts intended or settled by a Dagster run (its id or a prefix of at least 8), by ordinal."""
        ...

    def past_runs(self, job: str, mode: Mode, *, limit: int = 1000) -> Sequence[PastRun]:
        """The newest settled attempts of a job in that mode on any engine, newest first."""
        ...

    def spendings(self, start: datetime, end: datetime) -> Sequence[Spending]:
        """All attempts settled from `start` up to, not including, `end`, whatever their outcome, oldest first."""
        ...

    def record_bill(self, export: BillExport) -> Imported:
        """Book what was charged, beside what was metered. The order of exports and repeating one make no difference.

        For the days that it tells of, of each account, an export replaces older ones; exports of the same moment add
        up. Raises LedgerError where two of the same moment contradict each other; nothing is recorded then.
        """
        ...

    def standing(self, account: Account) -> Standing:
        """What the account has spent on settled attempts (of its month, by the time of settling) and reserved."""
        ...

    def live_on(self, room: Room) -> int:
        """How many live attempts take a place of the room."""
        ...

    def record_backfill(self, backfill: Backfill) -> bool:
        """Write a new one; False where its id is there already, which stays as it is."""
        ...

    def move_backfill(self, after: Backfill) -> bool:
        """Replace the row whose version is still that of `after`, and count the version up; False where it is not."""
        ...

    def backfill(self, id_: str) -> Backfill | None:
        """The backfill of that id."""
        ...

    def backfills(self, code_location: str, *, over: bool = True) -> Sequence[Backfill]:
        """Those of a code location, oldest first. over: also what is done or cancelled."""
        ...

    def attempts_of_backfill(self, id_: str) -> Sequence[Attempt]:
        """All attempts that the backfill pays for, by ordinal."""
        ...

    def append(self, facts: Iterable[Fact]) -> int:
        """Add facts; those whose identity is there already are passed over. The number added."""
        ...

    def facts(self, *, after: int = 0, limit: int = 1000) -> Sequence[tuple[int, Fact]]:
        """Facts with their row ids, by id, after the id."""
        ...
