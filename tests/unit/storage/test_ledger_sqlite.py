"""The ledger on SQLite."""

from __future__ import annotations

import fcntl
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FuturesTimeout
from pathlib import Path

import ledger_samples as samples
import pytest
from backfill_behaviour import BackfillBehaviour
from bill_behaviour import BillBehaviour
from budget_behaviour import BudgetBehaviour
from ledger_behaviour import LedgerBehaviour, held
from ledger_samples import NOON

from engineshed.model.errors import LeaseLost, LedgerBusy, LedgerError, SettingInvalid
from engineshed.storage.ledger import SqlLedger, open_ledger, restore


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new ledger, migrated once for all tests."""
    path = tmp_path_factory.mktemp("template") / "new folder" / "ledger.db"
    open_ledger(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def file(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "ledger.db"))


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def empty_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'empty.db'}"


class TestBudgetsOnSqlite(BudgetBehaviour):
    pass


class TestBillsOnSqlite(BillBehaviour):
    pass


class TestBackfillsOnSqlite(BackfillBehaviour):
    pass


class TestOnSqlite(LedgerBehaviour):
    pass


@pytest.fixture
def ledger(url: str) -> SqlLedger:
    return open_ledger(url)


def test_file_is_in_wal_mode(ledger: SqlLedger, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_opening_waits_for_another_process_that_migrates(tmp_path: Path) -> None:
    """Without the wait, turning WAL on fails at once when it meets the other's transaction."""
    with ThreadPoolExecutor(1) as pool, open(tmp_path / "ledger.db.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opening = pool.submit(open_ledger, f"sqlite:///{tmp_path}/ledger.db")
        with pytest.raises(FuturesTimeout):
            opening.result(timeout=0.3)
        fcntl.flock(lock, fcntl.LOCK_UN)
        assert opening.result(timeout=30).next_ordinal() == 1


def test_locked_database_is_busy_for_writers_only(ledger: SqlLedger, url: str, file: Path) -> None:
    impatient = open_ledger(url, patience_s=0.05)
    blocker = sqlite3.connect(file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerBusy, match="repeat the call"):
        impatient.next_ordinal()
    assert impatient.live_attempts() == []
    blocker.execute("ROLLBACK")
    assert impatient.next_ordinal() == 1


def test_foreign_file_is_an_error_for_good(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database at all, just a text of some length" * 50)
    with pytest.raises(LedgerError) as caught:
        open_ledger(f"sqlite:///{tmp_path}/x.db")
    assert not caught.value.transient


@pytest.mark.parametrize("url_", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "ledger.db"])
def test_unfit_url_is_refused(url_: str) -> None:
    with pytest.raises(SettingInvalid, match=r"ledger\.url"):
        open_ledger(url_)


def test_backup_and_restore_keep_attempts_and_counters(ledger: SqlLedger, url: str, tmp_path: Path) -> None:
    lease = held(ledger)
    ordinal = ledger.next_ordinal()
    ledger.record_intent(samples.intent(ordinal), lease)
    ledger.append([samples.fact("before")])
    [(position, _)] = ledger.facts()
    ledger.backup(tmp_path / "copies" / "ledger.backup")
    ledger.append([samples.fact("after")])
    ledger.facts()
    later = ledger.next_ordinal()

    restore(tmp_path / "copies" / "ledger.backup", url)

    again = open_ledger(url)
    assert [a.intent.ordinal for a in again.live_attempts()] == [ordinal]
    assert again.next_ordinal() == later + 1
    assert again.facts() == [(position, samples.fact("before"))]
    again.append([samples.fact("anew")])
    assert [f.identity for _, f in again.facts(after=position + 1)] == ["anew"]
    with pytest.raises(LeaseLost):
        again.settle(samples.intent(ordinal).token, samples.settlement(), lease)
    retaken = again.acquire("step", "body-2", now=NOON, ttl_s=60)
    assert retaken is not None
    assert retaken.epoch > lease.epoch


def test_restore_without_the_old_file_goes_above_what_was_published(ledger: SqlLedger, tmp_path: Path) -> None:
    ledger.next_ordinal()
    ledger.backup(tmp_path / "copy")
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    restore(tmp_path / "copy", url, at_least=70)
    assert open_ledger(url).next_ordinal() == 71


def test_restore_refuses_what_is_no_backup(url: str, tmp_path: Path, ledger: SqlLedger) -> None:
    with pytest.raises(LedgerError, match="is no file"):
        restore(tmp_path / "missing", url)
    (tmp_path / "text").write_text("hello" * 1000)
    with pytest.raises(LedgerError, match="cannot be restored"):
        restore(tmp_path / "text", url)
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE t (x)")
    with pytest.raises(LedgerError, match="cannot be restored"):
        restore(tmp_path / "empty.db", url)
    assert ledger.next_ordinal() == 1


def test_importing_the_ledger_is_cheap() -> None:
    code = (
        "import sys, engineshed.storage.ledger, engineshed.storage.objects\n"
        "print([m for m in ('pyarrow', 'boto3', 'botocore', 'alembic', 'dagster') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_damaged_file_is_an_error_that_names_the_way_out(file: Path, url: str) -> None:
    ledger = open_ledger(url)
    ledger.close()
    for beside in (file.with_name("ledger.db-wal"), file.with_name("ledger.db-shm")):
        beside.unlink(missing_ok=True)
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(LedgerError, match=r"is damaged .*malformed.*restore a backup .docs/storage.md"):
        open_ledger(url).next_ordinal()
