"""The exporter's rounds: read facts, count them, make the text that is served. A round that fails is counted and the
next one tried; what was counted stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from engineshed.model.errors import LedgerBusy, LedgerError
from engineshed.ports.clock import Clock
from engineshed.ports.ledger import Ledger
from engineshed.telemetry import metrics as m
from engineshed.telemetry.exporter import checkpoint
from engineshed.telemetry.exporter.exposition import openmetrics
from engineshed.telemetry.exporter.live import LiveProgress, Post, Taken
from engineshed.telemetry.series import SeriesSet

_log = logging.getLogger(__name__)

_AT_ONCE = 5000
"""Facts read in one statement: memory stays flat over any backlog."""

Gauges = Callable[[dict[str, str], datetime], SeriesSet]
"""Further gauges, from code location -> team and the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often what is done. `queue`: looks at Dagster's instance. `save`: checkpoints."""

    round_s: float = 1.0
    queue: timedelta = timedelta(seconds=10)
    save: timedelta = timedelta(minutes=1)


class Exporter:
    """One process. `checkpoint_file`: None counts from the first fact at each start."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        checkpoint_file: Path | None = None,
        gauges: Gauges | None = None,
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        self._ledger, self._clock, self._rhythm = ledger, clock, rhythm
        self._file, self._gauges = checkpoint_file, gauges
        self._counting, self._position, self._identity = (
            checkpoint.load(checkpoint_file, ledger) if checkpoint_file else checkpoint.fresh()
        )
        self._own = SeriesSet()
        self._live = LiveProgress()
        self._queue = SeriesSet()
        self._queue_at: datetime | None = None
        self._saved_at = clock.now()
        self._saved_position = self._position
        self._text = b""
        self.caught_up = False

    def text(self) -> bytes:
        """What /metrics answers: the state after the last round."""
        return self._text

    def post(self, post: Post) -> Taken:
        """Take live progress."""
        taken = self._live.take(post)
        self._own.add(m.POSTS, outcome=str(taken))
        return taken

    def run(self, beat: Callable[[], None]) -> None:
        """Rounds until the process ends; `beat` is called after each."""
        while True:
            self.round()
            beat()
            self._clock.sleep(self._rhythm.round_s)

    def round(self) -> None:
        """Count all facts that wait, then make the text."""
        lag_s = self._read()
        now = self._clock.now()
        self._look(now)
        self._live.follow(self._counting.live, now)
        self._save(now)
        own = SeriesSet.from_json(self._own.to_json())
        own.add(m.EXPORTER_LAG, lag_s)
        own.add(m.SERIES_FOLDED, float(self._counting.series.folded))
        for stage in ("facts", "queue", "checkpoint"):
            own.add(m.EXPORTER_ERRORS, 0.0, stage=stage)
        parts = [self._counting.series, self._live.gauges(self._counting.live, now), self._queue, own]
        self._text = openmetrics(parts) if self.caught_up else b""

    def _read(self) -> float:
        lag_s = 0.0
        try:
            while found := self._ledger.facts(after=self._position, limit=_AT_ONCE):
                self._counting.take(fact for _, fact in found)
                self._position, last = found[-1]
                self._identity = last.identity
                lag_s = max(0.0, (self._clock.now() - last.at).total_seconds())
                if len(found) < _AT_ONCE:
                    break
            self.caught_up = True
        except (LedgerBusy, LedgerError) as error:
            self._failed("facts", error)
        return lag_s

    def _look(self, now: datetime) -> None:
        if self._gauges is None or (self._queue_at is not None and now - self._queue_at < self._rhythm.queue):
            return
        self._queue_at = now
        try:
            self._queue = self._gauges(self._counting.teams, now)
        except Exception as error:  # noqa: BLE001 - an instance that is away must not end the counting
            self._queue = SeriesSet()
            self._failed("queue", error)

    def _save(self, now: datetime) -> None:
        if self._file is None or self._position == self._saved_position or now - self._saved_at < self._rhythm.save:
            return
        self._saved_at, self._saved_position = now, self._position
        try:
            checkpoint.save(self._file, self._counting, self._position, self._identity)
        except OSError as error:
            self._failed("checkpoint", error)

    def _failed(self, stage: str, error: Exception) -> None:
        self._own.add(m.EXPORTER_ERRORS, stage=stage)
        _log.warning("%s: %s", stage, error)
