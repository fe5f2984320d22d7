"""A process that works on a ledger at the same moment as others: `ledger_worker.py TASK URL NAME`.

It says `ready` on stdout, waits for a line on stdin, does its task, and prints what came of it as one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "storage"))

import ledger_samples as samples

from engineshed.model.errors import LeaseLost, LedgerError
from engineshed.storage.ledger import open_ledger

ROUNDS = 15


def open_new(url: str, name: str) -> int:
    """Open a ledger that nobody has opened before."""
    return open_ledger(url).next_ordinal()


def take_turns(url: str, name: str) -> list[int]:
    """Hold one lease again and again; a marker file proves that nobody else holds it meanwhile."""
    ledger, marker = open_ledger(url), Path(os.environ["MARKER"])
    epochs: list[int] = []
    while len(epochs) < ROUNDS:
        lease = ledger.acquire("turn", name, now=datetime.now(UTC), ttl_s=600)
        if lease is None:
            time.sleep(0.002)
            continue
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        epochs.append(lease.epoch)
        marker.unlink()
        ledger.release(lease)
    return epochs


def steal(url: str, name: str) -> list[tuple[int, bool]]:
    """Take a lease that always has run out, and write under it; whether each write was let through."""
    ledger, token = open_ledger(url), samples.intent().token
    writes: list[tuple[int, bool]] = []
    for turn in range(ROUNDS):
        now = datetime.now(UTC) + timedelta(days=turn)
        lease = ledger.acquire("stolen", f"{name}-{turn}", now=now, ttl_s=-86400.0 * 365)
        assert lease is not None
        try:
            ledger.save_cursor(token, str(lease.epoch), lease)
            writes.append((lease.epoch, True))
        except LeaseLost:
            writes.append((lease.epoch, False))
    return writes


def count(url: str, name: str) -> list[int]:
    """Take ordinals."""
    ledger = open_ledger(url)
    return [ledger.next_ordinal() for _ in range(ROUNDS)]


def intend(url: str, name: str) -> bool:
    """Record an intent for the key that all others want too, each under a lease of its own."""
    ledger = open_ledger(url)
    lease = ledger.acquire(name, name, now=datetime.now(UTC), ttl_s=600)
    assert lease is not None
    ordinal = ledger.next_ordinal()
    try:
        ledger.record_intent(samples.intent(ordinal, engine=name), lease)
    except LedgerError:
        return False
    return True


def append(url: str, name: str) -> int:
    """Append facts, half of which all others append too."""
    ledger = open_ledger(url)
    return sum(ledger.append([samples.fact(f"{name}-{i}"), samples.fact(f"all-{i}")]) for i in range(ROUNDS))


TASKS: dict[str, Callable[[str, str], Any]] = {
    task.__name__: task for task in (open_new, take_turns, steal, count, intend, append)
}

if __name__ == "__main__":
    _, task, url, name = sys.argv
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(json.dumps(TASKS[task](url, name)) + "\n")
