"""The ledger on a real PostgreSQL server, in a session zone far from UTC."""

from __future__ import annotations

import ledger_samples as samples
import pytest
import sqlalchemy
from backfill_behaviour import BackfillBehaviour
from bill_behaviour import BillBehaviour
from budget_behaviour import BudgetBehaviour
from ledger_behaviour import LedgerBehaviour
from postgres_server import PostgresServer

from engineshed.model.errors import LedgerBusy, LedgerError
from engineshed.storage.ledger import open_ledger

pytestmark = pytest.mark.needs_postgresql


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.database()


@pytest.fixture
def empty_url(postgres: PostgresServer) -> str:
    return postgres.empty_database()


class TestBackfillsOnPostgres(BackfillBehaviour):
    pass


class TestOnPostgres(LedgerBehaviour):
    pass


class TestBillsOnPostgres(BillBehaviour):
    pass


class TestBudgetsOnPostgres(BudgetBehaviour):
    pass


def test_fact_of_a_transaction_that_commits_late_is_read(url: str) -> None:
    ledger = open_ledger(url)
    engine = sqlalchemy.create_engine(url)
    insert = sqlalchemy.text(
        "INSERT INTO engineshed_facts (identity, kind, token, at, labels, data)"
        " VALUES ('late', 'progress', '', now(), '{}', '{}')"
    )
    with engine.begin() as slow:
        slow.execute(insert)
        for number in range(20):
            ledger.append([samples.fact(f"quick-{number}")])
        early = ledger.facts()
        assert [fact.identity for _, fact in early] == [f"quick-{number}" for number in range(20)]
    late = ledger.facts(after=early[-1][0])
    assert [fact.identity for _, fact in late] == ["late"]
    engine.dispose()


def test_locked_row_is_busy(url: str) -> None:
    ledger = open_ledger(url, patience_s=0.2)
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as blocker:
        blocker.execute(sqlalchemy.text("SELECT * FROM engineshed_counters FOR UPDATE"))
        with pytest.raises(LedgerBusy, match="repeat the call"):
            ledger.next_ordinal()
    assert ledger.next_ordinal() == 1
    engine.dispose()


def test_server_that_is_away_is_busy_until_it_is_back(postgres: PostgresServer, url: str) -> None:
    ledger = open_ledger(url, patience_s=2)
    first = ledger.next_ordinal()
    postgres.stop()
    try:
        with pytest.raises(LedgerBusy):
            ledger.next_ordinal()
        with pytest.raises(LedgerBusy):
            open_ledger(url, patience_s=2)
    finally:
        postgres.start()
    assert ledger.next_ordinal() == first + 1


def test_backup_is_left_to_postgres(url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(LedgerError, match="pg_dump"):
        open_ledger(url).backup(tmp_path_factory.mktemp("backup") / "copy")


def test_password_is_never_shown(url: str) -> None:
    with pytest.raises(LedgerBusy) as caught:
        open_ledger("postgresql://someone:very-secret@localhost:1/db", patience_s=2)
    assert "very-secret" not in str(caught.value)


def test_a_wrong_password_is_said_at_once_and_not_waited_for(postgres: PostgresServer) -> None:
    """The scratch server trusts everybody, so that a role without login stands for one that is refused."""
    engine = sqlalchemy.create_engine(postgres.database())
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE ROLE barred NOLOGIN"))
    url = sqlalchemy.make_url(postgres.database()).set(username="barred").render_as_string(hide_password=False)
    with pytest.raises(LedgerError, match="refuses us") as caught:
        open_ledger(url)
    assert not isinstance(caught.value, LedgerBusy)
