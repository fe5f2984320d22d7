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
from engineshed.telemetry.counting import Counting
from engineshed.telemetry.exporter import checkpoint
from engineshed.telemetry.exporter.births import Births
from engineshed.telemetry.exporter.checkpoint import Counted
from engineshed.telemetry.exporter.exposition import Exposition
from engineshed.telemetry.exporter.live import LiveProgress, Post, Taken
from engineshed.telemetry.series import SeriesSet

_log = logging.getLogger(__name__)

_AT_ONCE = 5000
"""Facts read in one statement: memory stays flat over any backlog."""

Gauges = Callable[[dict[str, str], datetime], SeriesSet]
"""Further gauges, from code location -> team and the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often what is done. `queue`: looks at Dagster's instance. `save`: checkpoints. `birth`: how long a new
    counter stays 0 after it was scraped: as long as the slowest Prometheus takes between two scrapes, or longer.
    """

    round_s: float = 1.0
    queue: timedelta = timedelta(seconds=10)
    save: timedelta = timedelta(minutes=1)
    birth: timedelta = timedelta(seconds=30)


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
        start = checkpoint.load(checkpoint_file, ledger) if checkpoint_file else Counted(Counting())
        self._counting, self._position, self._identity = start.counting, start.position, start.identity
        self._births = Births(rhythm.birth, start.shown)
        self._scraped_at: datetime | None = None
        self._own = SeriesSet()
        for taken in Taken:
            self._own.add(m.POSTS, 0.0, outcome=str(taken))
        self._live = LiveProgress()
        self._queue = SeriesSet()
        self._queue_at: datetime | None = None
        self._saved_at = clock.now()
        self._saved_position = self._position
        self._exposition = Exposition()
        self._text = b""
        self.caught_up = False

    def text(self) -> bytes:
        """What /metrics answers: the state after the last round."""
        return self._text

    def scraped(self) -> None:
        """/metrics was read."""
        self._scraped_at = self._clock.now()

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
        born = self.caught_up and self._births.look(self._counting.series, now, self._scraped_at)
        self._save(now, due=born)
        own = SeriesSet.from_json(self._own.to_json())
        own.add(m.EXPORTER_LAG, lag_s)
        own.add(m.SERIES_FOLDED, float(self._counting.series.folded))
        for stage in ("facts", "queue", "checkpoint"):
            own.add(m.EXPORTER_ERRORS, 0.0, stage=stage)
        counted = self._births.page(self._counting.series)
        gauges = [self._live.gauges(self._counting.live, now), self._queue, own]
        self._text = self._exposition.text(counted, gauges) if self.caught_up else b""

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

    def _save(self, now: datetime, *, due: bool) -> None:
        """`due`: at once, before a value is shown for the first time: a restart must not take it back to 0."""
        if self._file is None:
            return
        if not due and (self._position == self._saved_position or now - self._saved_at < self._rhythm.save):
            return
        self._saved_at, self._saved_position = now, self._position
        try:
            checkpoint.save(self._file, Counted(self._counting, self._position, self._identity, self._births.shown))
        except OSError as error:
            self._failed("checkpoint", error)

    def _failed(self, stage: str, error: Exception) -> None:
        self._own.add(m.EXPORTER_ERRORS, stage=stage)
        _log.warning("%s: %s", stage, error)
