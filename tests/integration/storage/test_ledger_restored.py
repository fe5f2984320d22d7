"""A ledger that is lost and restored: what was under way is adopted, money stays reserved, no number is given twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import ledger_samples as samples
import pytest
import sqlalchemy
from ledger_behaviour import held
from postgres_server import PostgresServer, server_programs

from engineshed.model.budget import Account, BudgetScope
from engineshed.model.errors import LeaseLost
from engineshed.storage.ledger import SqlLedger, open_ledger, restore

PUBLISHED = 70
"""The highest ordinal of any commit: what was given after the backup is known from the published data alone."""

Lose = Callable[[str, SqlLedger], str]
"""Copies the ledger at a URL, loses it, and gives the URL of the one restored from the copy."""


def _by_backup(folder: Path) -> Lose:
    def lose(url: str, ledger: SqlLedger) -> str:
        ledger.backup(folder / "copy.db")
        ledger.close()
        anew = f"sqlite:///{folder}/restored.db"
        restore(folder / "copy.db", anew, at_least=PUBLISHED)
        return anew

    return lose


def _by_files(folder: Path) -> Lose:
    def lose(url: str, ledger: SqlLedger) -> str:
        (folder / "files").mkdir()
        for file in folder.glob("ledger.db*"):
            shutil.copy(file, folder / "files" / file.name)
        ledger.close()
        anew = f"sqlite:///{folder}/restored.db"
        restore(folder / "files" / "ledger.db", anew, at_least=PUBLISHED)
        return anew

    return lose


def _by_pg_dump(folder: Path, server: PostgresServer) -> Lose:
    programs = server_programs()
    assert programs is not None

    def lose(url: str, ledger: SqlLedger) -> str:
        ledger.close()
        anew = server.empty_database()
        variables = {"PATH": f"{programs}:{os.environ['PATH']}", "LEDGER": url, "ANEW": anew}
        for line in _documented("```\npg_dump", "pg_dump").splitlines():
            subprocess.run(line, shell=True, check=True, capture_output=True, cwd=folder, env=variables)
        engine = sqlalchemy.create_engine(anew)
        text = _documented("```sql\n").replace("<highest ordinal of any commit>", str(PUBLISHED))
        with engine.begin() as connection:
            for statement in filter(None, map(str.strip, text.split(";"))):
                connection.execute(sqlalchemy.text(statement))
        engine.dispose()
        return anew

    return lose


def _documented(start: str, keep: str = "") -> str:
    """The block of docs/storage.md that begins so: what it tells people to run is what is run here."""
    page = (Path(__file__).parents[3] / "docs" / "storage.md").read_text(encoding="utf-8")
    block = keep + page.partition("### Backup and restore")[2].partition(start)[2].partition("```")[0]
    assert len(block) > len(keep), f"the page has no block that begins with {start!r}"
    return block


@pytest.fixture(params=["backup", "files", pytest.param("pg_dump", marks=pytest.mark.needs_postgresql)])
def lost(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Lose]:
    if request.param == "pg_dump":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.database(), _by_pg_dump(tmp_path, server)
    way = {"backup": _by_backup, "files": _by_files}[request.param]
    return f"sqlite:///{tmp_path}/ledger.db", way(tmp_path)


def test_what_was_under_way_goes_on_and_no_number_is_given_twice(lost: tuple[str, Lose]) -> None:
    url, lose = lost
    ledger = open_ledger(url)
    lease = held(ledger)
    intent = samples.intent(ledger.next_ordinal())
    ledger.record_intent(intent, lease)
    launch = samples.launch(intent.token)
    ledger.record_launch(launch, lease)
    ledger.save_cursor(intent.token, "so far", lease)
    ledger.append([samples.fact("before")])
    [(position, _)] = ledger.facts()
    account = Account(BudgetScope.RUN, intent.key.root_run_id, "")
    before = ledger.standing(account)
    assert before.reserved_usd == intent.reserved_usd > 0

    again = open_ledger(lose(url, ledger))

    (attempt,) = again.attempts(intent.key)
    assert attempt.live
    assert attempt.launch == launch
    assert attempt.cursor == "so far"
    assert again.standing(account) == before
    with pytest.raises(LeaseLost):
        again.settle(intent.token, samples.settlement(), lease)
    retaken = again.acquire(lease.name, "successor", now=samples.NOON, ttl_s=60)
    assert retaken is not None
    assert retaken.epoch > lease.epoch
    assert again.next_ordinal() == PUBLISHED + 1
    again.append([samples.fact("anew")])
    assert [fact.identity for _, fact in again.facts(after=position)] == ["anew"]
    settled = again.settle(intent.token, samples.settlement(), retaken)
    assert not settled.live
    assert again.standing(account).reserved_usd == 0
