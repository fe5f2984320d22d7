"""Several processes on one ledger at the same moment, on both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ledger_samples as samples
from ledger_samples import NOON

from engineshed.storage.ledger import open_ledger

WORKER = Path(__file__).with_name("ledger_worker.py")
PROCESSES = 4


def at_once(task: str, url: str, marker: Path, processes: int = PROCESSES) -> list[Any]:
    """What each of so many processes says that started the task at the same moment."""
    started = [
        subprocess.Popen(
            [sys.executable, str(WORKER), task, url, f"worker-{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "MARKER": str(marker)},
        )
        for number in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = []
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        results.append(json.loads(out))
    return results


def test_many_open_a_new_ledger_at_once(new_url: str, tmp_path: Path) -> None:
    assert sorted(at_once("open_new", new_url, tmp_path / "marker", processes=8)) == list(range(1, 9))


def test_lease_has_one_holder_and_each_holder_an_epoch(new_url: str, tmp_path: Path) -> None:
    epochs = at_once("take_turns", new_url, tmp_path / "marker")
    assert all(own == sorted(own) for own in epochs)
    assert sorted(e for own in epochs for e in own) == list(range(1, 1 + sum(map(len, epochs))))


def test_writes_of_lost_leases_never_land(new_url: str, tmp_path: Path) -> None:
    ledger = open_ledger(new_url)
    lease = ledger.acquire("first", "test", now=NOON, ttl_s=60)
    assert lease is not None
    ledger.record_intent(samples.intent(), lease)
    writes = [tuple(write) for own in at_once("steal", new_url, tmp_path / "marker") for write in own]
    assert sorted(epoch for epoch, _ in writes) == list(range(1, 1 + len(writes)))
    attempt = ledger.attempt(samples.intent().token)
    assert attempt is not None
    assert int(attempt.cursor) == max(epoch for epoch, landed in writes if landed) == len(writes)


def test_ordinals_are_unique_and_grow(new_url: str, tmp_path: Path) -> None:
    given = at_once("count", new_url, tmp_path / "marker")
    assert all(own == sorted(own) for own in given)
    assert sorted(n for own in given for n in own) == list(range(1, 1 + sum(map(len, given))))


def test_key_gets_one_intent(new_url: str, tmp_path: Path) -> None:
    assert sorted(at_once("intend", new_url, tmp_path / "marker", processes=8)) == [False] * 7 + [True]
    assert len(open_ledger(new_url).live_attempts()) == 1


def test_facts_of_many_writers_count_once(new_url: str, tmp_path: Path) -> None:
    added = at_once("append", new_url, tmp_path / "marker")
    facts = open_ledger(new_url).facts()
    assert len({fact.identity for _, fact in facts}) == len(facts) == sum(added)
