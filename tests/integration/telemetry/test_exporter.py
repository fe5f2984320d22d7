"""The exporter over a real ledger and real HTTP: restarts, late commits, two of them, bad callers."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from engineshed.model.fact import Fact, FactKind
from engineshed.ports.clock import Clock
from engineshed.running.system_clock import SystemClock
from engineshed.storage.ledger import SqlLedger, open_ledger
from engineshed.telemetry.counting import Counting
from engineshed.telemetry.exporter.callers import Accounts, AnyCaller, Callers
from engineshed.telemetry.exporter.process import Exporter, Rhythm
from engineshed.telemetry.exporter.serving import Pulse, Served, serve
from engineshed.testing.clock import VirtualClock

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
EAGER = Rhythm(round_s=0.0, queue=timedelta(0), save=timedelta(0), birth=timedelta(0))


def facts(first: int, count: int, team: str = "web") -> list[Fact]:
    labels = {"team": team, "code_location": team, "engine": "local", "asset_group": "g", "transport": "files"}
    made = []
    for n in range(first, first + count):
        token = f"es-{n}"
        for kind, data in (
            (FactKind.INTENDED, {}),
            (FactKind.SETTLED, {"outcome": "succeeded", "messages": 5, "cost": {"compute_usd": 0.5}}),
        ):
            made.append(
                Fact(kind=kind, identity=f"{token}:{kind}:", at=NOON, token=token, labels=labels, data=dict(data))
            )
    return made


def live(token: str, team: str = "web") -> list[Fact]:
    labels = {"team": team, "code_location": team, "engine": "local"}
    return [
        Fact(kind=kind, identity=f"{token}:{kind}:{nth}", at=datetime.now(UTC), token=token, labels=labels)
        for kind, nth in ((FactKind.INTENDED, ""), (FactKind.SUBMITTED, ""), (FactKind.STATE, "running"))
    ]


@pytest.fixture
def ledger(url: str) -> Iterator[SqlLedger]:
    opened = open_ledger(url)
    yield opened
    opened.close()


class Page:
    """An exporter that is served, one round at a time."""

    def __init__(
        self,
        ledger: SqlLedger,
        callers: Callers | None = None,
        checkpoint: Path | None = None,
        clock: Clock | None = None,
        rhythm: Rhythm = EAGER,
    ) -> None:
        self.exporter = one = Exporter(ledger, clock or SystemClock(), checkpoint_file=checkpoint, rhythm=rhythm)
        who = callers or AnyCaller()
        served = Served(text=one.text, post=one.post, callers=who, pulse=Pulse(), scraped=one.scraped)
        self.server = serve(("127.0.0.1", 0), served)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def value(self, name: str, **labels: str) -> float:
        with urllib.request.urlopen(f"{self.url}/metrics") as answer:
            text = answer.read().decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"{self.url}{path}") as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def post(self, body: Any, bearer: str = "") -> int:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/progress", data, {"Authorization": f"Bearer {bearer}"})
        try:
            with urllib.request.urlopen(request) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def page(ledger: SqlLedger) -> Iterator[Page]:
    one = Page(ledger)
    yield one
    one.close()


def progress(token: str, sequence: int, **figures: float) -> dict[str, Any]:
    return {"posts": [{"token": token, "sequence": sequence, "progress": figures}]}


def test_nothing_is_shown_before_all_that_waited_is_counted(ledger: SqlLedger, page: Page) -> None:
    assert page.status("/readyz") == 503
    assert page.status("/metrics") == 503, "a counter that is still counting looks like a reset"
    ledger.append(facts(0, 3))
    page.exporter.round()
    assert page.status("/readyz") == 200
    assert page.status("/healthz") == 200
    assert page.value("engineshed_attempts_total", team="web", outcome="succeeded") == 3
    assert page.status("/elsewhere") == 404


def test_counters_equal_a_recount_of_the_ledger(ledger: SqlLedger, page: Page) -> None:
    for first in range(0, 90, 30):
        ledger.append(facts(first, 30))
        page.exporter.round()
    recount = Counting()
    recount.take(fact for _, fact in ledger.facts(limit=10_000))
    assert page.exporter._counting.series.to_json() == recount.series.to_json()
    assert page.value("engineshed_cost_usd_total") == pytest.approx(45.0)


def test_a_restart_neither_jumps_nor_counts_twice(ledger: SqlLedger, page: Page, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.json"
    before = Page(ledger, checkpoint=file)
    ledger.append([*facts(0, 20), *live("es-live")])
    before.exporter.round()
    ledger.append(facts(20, 5))
    after = Page(ledger, checkpoint=file)
    after.exporter.round()
    page.exporter.round()
    for one in (after, page):
        assert one.value("engineshed_attempts_total") == 25
        assert one.value("engineshed_exporter_facts_read_total") == 53
        assert one.value("engineshed_live_attempts", state="running") == 1
    before.close()
    after.close()


def test_a_new_counter_is_0_until_it_was_scraped_and_a_while_has_passed(ledger: SqlLedger, tmp_path: Path) -> None:
    file, clock = tmp_path / "checkpoint.json", VirtualClock(NOON)
    patient = Rhythm(round_s=0.0, save=timedelta(hours=1), birth=timedelta(seconds=30))

    def opened() -> Page:
        return Page(ledger, checkpoint=file, clock=clock, rhythm=patient)

    def told(page: Page, later_s: float = 0.0) -> float:
        clock.sleep(later_s)
        page.exporter.round()
        return page.value("engineshed_attempts_total")

    ledger.append(facts(0, 2, team="old"))
    page = opened()
    assert told(page) == 2, "of before the first page: shown as it is"
    ledger.append(facts(2, 3))
    clock.sleep(100)
    page.exporter.round()
    clock.sleep(100)
    assert told(page) == 2, "nobody had scraped it"
    assert told(page, 1) == 2
    ledger.append(facts(5, 1))
    again = opened()
    assert told(again) == 2, "a restart still holds it back"
    assert told(again, 1) == 2
    assert told(again, 29) == 2
    assert told(again, 2) == 6
    assert told(opened()) == 6, "a restart does not take back what was shown"


@pytest.mark.parametrize("spoil", ["half", "other ledger", "other table"])
def test_a_checkpoint_that_does_not_fit_is_left_aside(ledger: SqlLedger, tmp_path: Path, spoil: str) -> None:
    file = tmp_path / "checkpoint.json"
    ledger.append(facts(0, 4))
    first = Page(ledger, checkpoint=file)
    first.exporter.round()
    first.close()
    plain = json.loads(file.read_text())
    if spoil == "half":
        file.write_text(file.read_text()[:100])
    else:
        file.write_text(json.dumps({**plain, **({"identity": "x"} if spoil == "other ledger" else {"table": "x"})}))
    again = Page(ledger, checkpoint=file)
    again.exporter.round()
    assert again.value("engineshed_attempts_total") == 4


def test_posted_progress_shows_sums_and_vanishes(ledger: SqlLedger, page: Page) -> None:
    ledger.append([*live("es-a"), *live("es-b")])
    page.exporter.round()
    assert page.post(progress("es-a", 1, tasks_done=3, tasks_total=10)) == 202
    assert page.post(progress("es-b", 1, tasks_done=4, tasks_total=10)) == 202
    assert page.post(progress("es-a", 3, tasks_done=6, tasks_total=10)) == 202
    assert page.post(progress("es-a", 2, tasks_done=5, tasks_total=10)) == 202, "late, and not the newest"
    page.exporter.round()
    assert page.value("engineshed_live_tasks_done", team="web") == 10
    assert page.value("engineshed_live_tasks_known", team="web") == 20
    assert page.value("engineshed_exporter_progress_posts_total", outcome="stale") == 1
    settled = Fact(kind=FactKind.SETTLED, identity="es-a:settled:", at=NOON, token="es-a", data={"outcome": "failed"})
    ledger.append([settled])
    page.exporter.round()
    assert page.value("engineshed_live_tasks_done", team="web") == 4


def test_the_team_is_the_callers_and_not_what_it_says(ledger: SqlLedger) -> None:
    users = {"t-web": "system:serviceaccount:web-ns:runs", "t-else": "system:serviceaccount:else-ns:runs", "t-u": "bob"}
    teams = {"web-ns": "web", "else-ns": "else"}
    page = Page(ledger, Accounts(users.get, teams.get))
    ledger.append(live("es-a"))
    page.exporter.round()
    assert page.post(progress("es-a", 1, tasks_done=1), "t-web") == 202
    assert page.post({**progress("es-a", 9, tasks_done=99), "team": "web"}, "t-else") == 403
    for unknown in ("t-u", "", "never heard of"):
        assert page.post(progress("es-a", 9, tasks_done=99), unknown) == 401
    page.exporter.round()
    assert page.value("engineshed_live_tasks_done", team="web") == 1
    assert page.value("engineshed_exporter_progress_posts_total", outcome="refused") == 1
    page.close()


def test_who_posted_for_an_attempt_before_its_facts_showed_is_checked_when_they_do(ledger: SqlLedger) -> None:
    page = Page(ledger, Accounts(lambda t: f"system:serviceaccount:{t}:runs", lambda namespace: namespace))
    page.exporter.round()
    assert page.post(progress("es-a", 1, tasks_done=99), "else") == 202
    ledger.append(live("es-a"))
    page.exporter.round()
    assert page.value("engineshed_live_tasks_done") == 0
    assert page.post(progress("es-a", 1, tasks_done=7), "web") == 202
    page.exporter.round()
    assert page.value("engineshed_live_tasks_done", team="web") == 7
    page.close()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"posts": [{"token": 1}]}', b'{"posts": 7}', b'{"posts": [null]}', b"x" * 70_000]
)
def test_what_is_no_progress_is_refused_and_harms_nothing(ledger: SqlLedger, page: Page, body: bytes) -> None:
    page.exporter.round()
    assert page.post(body) == 400
    assert page.status("/healthz") == 200


def test_a_ledger_that_is_away_is_an_error_that_is_counted_and_nothing_is_lost(ledger: SqlLedger, page: Page) -> None:
    ledger.append(facts(0, 3))
    page.exporter.round()
    broken = page.exporter._ledger
    page.exporter._ledger = _Away()  # type: ignore[assignment]
    page.exporter.round()
    assert page.value("engineshed_exporter_errors_total", stage="facts") == 1
    assert page.value("engineshed_attempts_total") == 3
    page.exporter._ledger = broken
    ledger.append(facts(3, 1))
    page.exporter.round()
    assert page.value("engineshed_attempts_total") == 4


class _Away:
    def facts(self, **_: Any) -> Any:
        from engineshed.model.errors import LedgerBusy

        raise LedgerBusy("the ledger is away")


@pytest.mark.needs_postgresql
def test_a_transaction_held_open_while_thousands_commit_is_not_skipped(postgres: Any) -> None:
    url = postgres.database()
    ledger = open_ledger(url)
    page = Page(ledger)
    engine = sqlalchemy.create_engine(url)
    insert = sqlalchemy.text(
        "INSERT INTO engineshed_facts (identity, kind, token, at, labels, data)"
        " VALUES ('es-late:intended:', 'intended', 'es-late', now(), '{\"team\": \"late\"}', '{}')"
    )
    writer = threading.Thread(target=lambda: [ledger.append(facts(n, 250)) for n in range(0, 5000, 250)])
    with engine.begin() as slow:
        slow.execute(insert)
        writer.start()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            page.exporter.round()
            time.sleep(0.2)
        writer.join()
        page.exporter.round()
        assert page.value("engineshed_attempts_total") == 5000
        assert page.value("engineshed_attempts_started_total", team="late") == 0
    page.exporter.round()
    assert page.value("engineshed_attempts_started_total", team="late") == 1
    assert page.value("engineshed_attempts_started_total") == 5001
    page.close()
    engine.dispose()
    ledger.close()
