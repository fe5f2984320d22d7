from __future__ import annotations

from engineshed.testing.agenda import Agenda
from engineshed.testing.clock import VirtualClock


def test_deeds_happen_at_their_own_moments_however_late_one_looks() -> None:
    clock = VirtualClock()
    agenda = Agenda(clock)
    start, happened = agenda.now, []

    def note(word: str) -> None:
        happened.append((word, (agenda.now - start).total_seconds()))

    def begin() -> None:
        note("begin")
        agenda.after(30, lambda: note("end"))

    agenda.after(20, begin)
    agenda.after(40, lambda: note("between"))
    agenda.after(40, lambda: note("just after"))
    agenda.keep()
    assert happened == []
    clock.sleep(3600)
    agenda.keep()
    assert happened == [("begin", 20), ("between", 40), ("just after", 40), ("end", 50)]
    assert agenda.now == clock.now()


def test_what_is_taken_off_does_not_happen() -> None:
    clock = VirtualClock()
    agenda = Agenda(clock)
    happened: list[str] = []
    appointment = agenda.after(1, lambda: happened.append("never"))
    agenda.after(2, lambda: happened.append("yes"))
    appointment.cancel()
    clock.sleep(10)
    agenda.keep()
    appointment.cancel()
    assert happened == ["yes"]


def test_what_is_not_due_waits() -> None:
    clock = VirtualClock()
    agenda = Agenda(clock)
    happened: list[str] = []
    agenda.after(10, lambda: happened.append("then"))
    clock.sleep(9.9)
    agenda.keep()
    assert happened == []
    clock.sleep(0.1)
    agenda.keep()
    assert happened == ["then"]
