"""Hears what a live launch's driver says: folds it into the transcript, hands lines on, remembers how far.

A transport that is away for a while is asked again, ever more seldom, and nothing is lost. One that is broken is said
and counted; platform and data may still show a good run. Refused access is raised at once.
"""

from __future__ import annotations

import json

from engineshed.model.attempt import Attempt
from engineshed.model.errors import ChannelBusy, ChannelError, LedgerBusy
from engineshed.model.fact import FactKind
from engineshed.model.message import Batch
from engineshed.ports.step import Step
from engineshed.running.leasing import LeaseKeeper
from engineshed.running.recording import record
from engineshed.running.shed import Shed
from engineshed.running.spoken import folded
from engineshed.running.transcript import Transcript

_WINDOW = 100
"""Messages handed on between two saved cursors: what a successor repeats, and marks, at most."""

_WIDEST_WINDOW = 1600
"""In a flood, where saving would cost more than handing on."""

_LONGEST_WAIT_S = 5.0
"""Between two looks at a transport that is away."""

FROM_START = json.dumps({"sequence": 0})
"""The cursor of a launch that was watched, nobody knows how far."""


class Listener:
    """Of one watcher."""

    def __init__(self, step: Step, attempt: Attempt, shed: Shed, keeper: LeaseKeeper) -> None:
        self._attempt, self._keeper = attempt, keeper
        self._step, self._intent, self._shed = step, attempt.intent, shed
        self._reader = shed.channels[attempt.intent.channel].reader(attempt.intent.address)
        saved = json.loads(attempt.cursor) if attempt.cursor else {}
        self._handed_on = int(saved.get("sequence", 0))
        self._repeatable = self._handed_on + int(saved.get("window", _WINDOW)) if saved else 0
        self._window = _WINDOW
        self._handing_on = False
        self._cursor = ""
        self.transcript = Transcript()
        self._broken = False
        self._away_since_s: float | None = None
        self._next_look_s = 0.0
        self._wait_s = 0.0
        self._measured: dict[str, float] = {}

    @property
    def away_s(self) -> float:
        """For how long the transport has not answered; 0 while it does."""
        return 0.0 if self._away_since_s is None else self._shed.clock.monotonic_s() - self._away_since_s

    def resumed(self) -> Listener:
        """One that goes on behind what was handed on: an interrupt may have ended this one within a batch."""
        other = Listener(self._step, self._attempt, self._shed, self._keeper)
        other._handed_on = self._handed_on
        other._repeatable = self._handed_on + (self._window if self._handing_on else 0)
        return other

    def listen(self) -> bool:
        """Take what has arrived; False when nothing has. Raises AccessDenied, LeaseLost."""
        if self._shed.clock.monotonic_s() < self._next_look_s:
            return False
        try:
            batch = self._reader.poll(self._cursor)
        except ChannelBusy as error:
            self._away(error)
            return False
        except ChannelError as error:
            if not self._broken:
                self._broken = True
                self._step.warning(f"The message channel is broken: {error}")
                record(self._shed, self._intent, FactKind.CHANNEL_BROKEN)
            return False
        self._back()
        if batch.cursor == self._cursor:
            return False
        self._cursor = batch.cursor
        self._hand_on(batch)
        return True

    def _away(self, error: ChannelBusy) -> None:
        now_s = self._shed.clock.monotonic_s()
        if self._away_since_s is None:
            self._away_since_s = now_s
            self._step.warning(f"Messages cannot be read now, will go on asking: {error}")
        self._wait_s = min(max(2 * self._wait_s, self._shed.cadence.messages_s), _LONGEST_WAIT_S)
        self._next_look_s = now_s + self._wait_s

    def _back(self) -> None:
        if self._away_since_s is not None:
            self._step.info(f"Messages can be read again, after {self.away_s:.0f} s.")
            self._away_since_s, self._wait_s = None, 0.0

    def _hand_on(self, batch: Batch) -> None:
        """In windows that grow while more is waiting; how large the next may be is saved before it is handed on."""
        self.transcript.damaged += batch.damaged
        new = [m for m in batch.messages if self.transcript.take(m) and m.sequence > self._handed_on]
        self._handing_on = bool(new)
        while new:
            window, new = new[: self._window], new[self._window :]
            for message in folded(window, flood=bool(new)):
                self._step.message(message, repeated=message.sequence <= self._repeatable)
            now_s = self._shed.clock.now().timestamp()
            for message in window:
                self.transcript.heard(message, now_s)
            self._measure()
            self._handed_on = window[-1].sequence
            self._window = min(2 * self._window, _WIDEST_WINDOW) if new else _WINDOW
            self._save()
        self._handing_on = False

    def _measure(self) -> None:
        transcript = self.transcript
        figures = {name: float(value) for name, value in transcript.progress.items() if _is_number(value)}
        if figures and figures != self._measured:
            self._measured = figures
            self._shed.meter.progress(self._intent.token, transcript.last_sequence, figures)

    def _save(self) -> None:
        self._keeper.keep()
        try:
            cursor = json.dumps({"sequence": self._handed_on, "window": self._window})
            self._shed.ledger.save_cursor(self._intent.token, cursor, self._keeper.lease)
        except LedgerBusy:
            self._window = _WINDOW


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
