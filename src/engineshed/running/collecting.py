"""Deletes from an exchange what nobody needs any more: months that ended long ago, and channels of runs long settled.

It keeps whatever a launch needs that lives, whatever its age, and what a launch of the last `keep` days may need to be
made again. It leaves alone what has no name of ours. No lock is held against those who stage: they write and look below
the month that it is and nowhere else, and a channel's address is never used again.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from engineshed.model.launch import TOKEN_PREFIX, Token
from engineshed.model.month import month_bounds
from engineshed.ports.clock import Clock
from engineshed.ports.ledger import Ledger
from engineshed.ports.store import ObjectInfo, ObjectStore

KEEP = timedelta(days=30)
LEAST_KEEP = timedelta(days=1)
"""No step stages for longer, so that what it has staged is never older than this before its intent is on record."""

_EVERY_S = 86_400.0
_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What lay at one place of the exchange and was deleted."""

    place: str
    objects: int
    size_bytes: int
    why: str


class Collector:
    """One round over one exchange, of which the ledger's launches are the users. `dry` deletes nothing."""

    def __init__(
        self, store: ObjectStore, ledger: Ledger, clock: Clock, *, keep: timedelta = KEEP, dry: bool = False
    ) -> None:
        assert keep >= LEAST_KEEP, f"an exchange is kept for at least {LEAST_KEEP}"
        self._store, self._ledger, self._clock, self._keep, self._dry = store, ledger, clock, keep, dry

    def collect_when_due(self) -> list[Collected]:
        """As `collect`, but once a day at most, whoever else does it; a dry round always."""
        if not self._dry and not self._due():
            return []
        return self.collect()

    def collect(self) -> list[Collected]:
        """Delete and say what was deleted. Raises StoreError, LedgerError."""
        found: list[Collected] = []
        # Read before anything is listed: who becomes live later has staged in a month that is not over.
        before = self._cutoff()
        for folder in ("staged", "data"):
            for month, objects in groupby(self._store.list(f"{folder}/"), key=lambda found: found.key.split("/")[1]):
                bounds = month_bounds(month)
                if bounds is not None and bounds[1] > before:
                    break
                if bounds is not None:
                    found.append(self._delete(f"{folder}/{month}", objects, "its month ended long ago"))
        return [*found, *self._channels()]

    def _due(self) -> bool:
        """A lease that nobody releases: it holds others off until the next day."""
        holder = f"collector:{uuid.uuid4().hex[:12]}"
        name = f"collect:{self._store.root}"
        return self._ledger.acquire(name, holder, now=self._clock.now(), ttl_s=_EVERY_S) is not None

    def _cutoff(self) -> datetime:
        """Months that ended before are needed by nobody."""
        live = [attempt.intent.created_at - LEAST_KEEP for attempt in self._ledger.live_attempts()]
        return min([self._clock.now() - self._keep, *live])

    def _channels(self) -> Iterator[Collected]:
        before = self._clock.now() - self._keep
        for token, objects in groupby(self._store.list("channels/"), key=lambda found: found.key.split("/")[1]):
            if not token.startswith(TOKEN_PREFIX):
                continue
            held = list(objects)
            why = self._over(Token(token), held, before)
            if why:
                yield self._delete(f"channels/{token}", held, why)

    def _over(self, token: Token, objects: Iterable[ObjectInfo], before: datetime) -> str:
        """Why nobody reads the channel any more; empty where somebody may."""
        attempt = self._ledger.attempt(token)
        if attempt is not None:
            settled = attempt.settlement
            return "its run was settled long ago" if settled is not None and settled.settled_at < before else ""
        written = [found.modified_at for found in objects]
        over = all(moment is not None and moment < before for moment in written)
        return "no launch of the ledger's, and nothing was written for long" if over else ""

    def _delete(self, place: str, objects: Iterable[ObjectInfo], why: str) -> Collected:
        held = list(objects)
        if not self._dry:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="collect") as pool:
                list(pool.map(lambda found: self._store.delete(found.key), held))
        size_bytes = sum(found.size_bytes for found in held)
        return Collected(place=place, objects=len(held), size_bytes=size_bytes, why=why)
