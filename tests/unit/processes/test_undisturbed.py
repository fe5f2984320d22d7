"""A signal waits for the end of what must end whole, and is then raised; a ledger survives one at any moment."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest

from engineshed.model.attempt import Lease
from engineshed.processes.undisturbed import undisturbed
from engineshed.storage.ledger.sql import SqlLedger, open_ledger

BOTH = [signal.SIGINT, signal.SIGTERM]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Interrupted(BaseException):
    """As Dagster's own: no Exception."""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    before = {number: signal.signal(number, interrupt) for number in BOTH}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _whole(number: signal.Signals, done: list[str]) -> None:
    with undisturbed():
        os.kill(os.getpid(), number)
        time.sleep(0.05)
        done.append("whole")


def _nested(done: list[str]) -> None:
    with undisturbed():
        with undisturbed():
            signal.raise_signal(signal.SIGTERM)
        done.append("outer")


@pytest.mark.parametrize("number", BOTH, ids=lambda s: s.name)
def test_a_signal_waits_for_the_end_and_is_raised_there(number: signal.Signals) -> None:
    done: list[str] = []
    with pytest.raises(Interrupted):
        _whole(number, done)
    assert done == ["whole"]
    with pytest.raises(Interrupted):
        signal.raise_signal(number)


def test_nested_it_waits_for_the_outermost_end() -> None:
    done: list[str] = []
    with pytest.raises(Interrupted):
        _nested(done)
    assert done == ["outer"]


def test_an_error_of_the_block_comes_out_and_the_handlers_are_back() -> None:
    before = [signal.getsignal(number) for number in BOTH]
    with pytest.raises(ValueError, match="own"), undisturbed():
        raise ValueError("own")
    assert [signal.getsignal(number) for number in BOTH] == before


def test_off_the_main_thread_nothing_is_touched() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with undisturbed():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_signals_at_any_moment_leave_the_ledger_usable(tmp_path: Path) -> None:
    """Without the shield a connection is lost within these thousand interrupts, and a call then finds none free."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite", patience_s=1.0)
    lease = ledger.acquire("key", "body", now=NOW, ttl_s=30)
    assert lease is not None
    armed, stop = threading.Event(), threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        # Only while the ledger is called: the test itself must not be hit between two calls.
        if armed.is_set():
            armed.clear()
            raise Interrupted(number)

    signal.signal(signal.SIGTERM, interrupt)
    sender = threading.Thread(target=_send, args=(signal.SIGTERM, stop))
    sender.start()
    try:
        kept = [_interrupted(ledger, lease, armed) for _ in range(1000)]
    finally:
        armed.clear()
        stop.set()
        sender.join()
    began_s = time.monotonic()
    ledger.renew(lease, now=NOW, ttl_s=30)
    assert time.monotonic() - began_s < 5
    assert len(kept) == 1000


def _send(number: signal.Signals, stop: threading.Event) -> None:
    """At intervals that drift against the calls, so that each of their moments is met."""
    main = threading.main_thread().ident
    assert main is not None
    for nth in itertools.count():
        if stop.wait(0.0007 + 0.0000013 * (nth % 997)):
            return
        signal.pthread_kill(main, number)


def _interrupted(ledger: SqlLedger, lease: Lease, armed: threading.Event) -> Interrupted:
    """The interrupt of a renewal, kept as by whoever handles it: its frames, and what they hold, stay."""
    try:
        armed.set()
        for _ in range(100_000):
            ledger.renew(lease, now=NOW, ttl_s=30)
    except Interrupted as error:
        return error
    raise AssertionError("no signal came")
