"""EMR of one account in one region, without HTTP: its time, its clusters, its faults, and what was asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engineshed.ports.clock import Clock
from engineshed.testing.agenda import Agenda
from engineshed.testing.emr import wire
from engineshed.testing.emr.api import HANDLERS
from engineshed.testing.emr.clusters import Clusters
from engineshed.testing.emr.faults import CallTrouble, Faults, Mischief, refusal
from engineshed.testing.emr.hands import Hands
from engineshed.testing.emr.ids import Ids
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.refusals import Refusal, unknown_operation


class ConnectionLost(Exception):
    """The connection ends without an answer; the request may have been dealt with."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request that arrived. outcome: `ok`, the code of the refusal, or the trouble that hit it."""

    operation: str
    at: datetime
    outcome: str


@dataclass(slots=True)
class Account:
    """What the API's operations work on. page_size: the most that one page of any list holds.

    log_scheme: that of the LogUri in answers; EMR turns `s3` into `s3n`.
    """

    clock: Clock
    pace: Pace
    make_hands: Callable[[Account], Hands]
    region: str = "us-east-1"
    page_size: int = 50
    log_scheme: str = "s3n"
    seed: int = 0
    faults: Faults = field(default_factory=Faults)
    lock: threading.RLock = field(default_factory=threading.RLock)
    calls: list[Call] = field(default_factory=list)
    agenda: Agenda = field(init=False)
    ids: Ids = field(init=False)
    mischief: Mischief = field(init=False)
    hands: Hands = field(init=False)
    machine: Clusters = field(init=False)

    def __post_init__(self) -> None:
        self.agenda, self.ids, self.mischief = Agenda(self.clock), Ids(self.seed), Mischief(self.faults)
        self.hands = self.make_hands(self)
        self.machine = Clusters(self.agenda, self.pace, self.ids, self.hands, self.mischief)

    def advance(self) -> None:
        """Let everything happen that is due."""
        with self.lock:
            self.agenda.keep()

    def post(self, deed: Callable[[], None]) -> None:
        """Do something of another thread's, now."""
        with self.lock:
            self.agenda.keep()
            deed()
            self.agenda.keep()

    def call(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """One request, in this process. Raises Refusal, ConnectionLost, and AnswerInvalid for a bug of the double."""
        with self.lock:
            self.agenda.keep()
            try:
                answer, outcome = self._answer(operation, parameters)
            except Refusal as no:
                self.calls.append(Call(operation, self.agenda.now, no.code))
                raise
            self.calls.append(Call(operation, self.agenda.now, outcome))
            if answer is None:
                raise ConnectionLost(operation)
            return answer

    def _answer(self, operation: str, parameters: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
        fault = self.mischief.of_call(operation, self.agenda.now)
        if fault is not None:
            no = refusal(fault.trouble, operation)
            if no is not None:
                raise no
            if fault.trouble is CallTrouble.LOST_REQUEST:
                return None, fault.trouble
        if operation not in HANDLERS:
            raise unknown_operation(operation)
        said = HANDLERS[operation](self, wire.checked(operation, parameters))
        # What was asked for may begin at once.
        self.agenda.keep()
        answer = wire.answered(operation, said)
        return (None, fault.trouble) if fault is not None else (answer, "ok")
