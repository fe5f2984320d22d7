"""What happens when: deeds in the order of time, the same for a clock that runs and for one that is moved.

Whoever looks lets everything happen that is due, each deed at its own moment, so that one look after an hour of
virtual time finds the history that a look a second would have found.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engineshed.ports.clock import Clock

Deed = Callable[[], None]


@dataclass(slots=True, order=True)
class Appointment:
    """One deed to come. `cancel` takes it off."""

    at: datetime
    number: int
    deed: Deed | None = field(compare=False)

    def cancel(self) -> None:
        """It will not happen; no error when it has happened."""
        self.deed = None


class Agenda:
    """Deeds by moment. `now` is the moment of the deed that happens, and the clock's otherwise."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._appointments: list[Appointment] = []
        self._numbers = itertools.count()
        self.now = clock.now()

    def after(self, seconds: float, deed: Deed) -> Appointment:
        """Do it so many seconds from `now`; deeds of one moment happen in the order in which they were asked for."""
        appointment = Appointment(self.now + timedelta(seconds=seconds), next(self._numbers), deed)
        heapq.heappush(self._appointments, appointment)
        return appointment

    def keep(self) -> None:
        """Do all that is due by the clock, what those deeds ask for included."""
        until = self._clock.now()
        while self._appointments and self._appointments[0].at <= until:
            appointment = heapq.heappop(self._appointments)
            if appointment.deed is not None:
                self.now = max(self.now, appointment.at)
                deed, appointment.deed = appointment.deed, None
                deed()
        self.now = max(self.now, until)
