"""Every query of every panel, asked of a real Prometheus that scrapes the real exporter after facts of every kind."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
import yaml
from make.rehearsal.cluster import ApiServer, Releases, discover, webserver
from make.rehearsal.runs import queued

from engineshed.discovery.serving import serve as serve_discovery
from engineshed.model.fact import Fact, FactKind
from engineshed.running.system_clock import SystemClock
from engineshed.storage.ledger import SqlLedger, open_ledger
from engineshed.telemetry.boards import BOARDS, Query
from engineshed.telemetry.exporter.callers import AnyCaller
from engineshed.telemetry.exporter.live import Post
from engineshed.telemetry.exporter.process import Exporter, Rhythm
from engineshed.telemetry.exporter.queue import queue_gauges
from engineshed.telemetry.exporter.serving import Pulse, Served, serve
from engineshed.telemetry.rules import as_rules

pytestmark = pytest.mark.needs_prometheus
SCRAPE_S = 1
QUERIES = [(f"{b.uid}: {p.title}", q) for b in BOARDS for row in b.rows for p in row.panels for q in p.queries]


def attempt(ledger: SqlLedger, n: int, *, live: bool = False) -> None:
    """All that can happen to one, some of it bad."""
    labels = {
        "team": "web", "code_location": "web_graph", "engine": ("emr", "local")[n % 2], "asset_group": "graph",
        "transport": "objects", "asset": "edges", "mode": "full",
    }  # fmt: skip
    token, at = f"es-{n}", datetime.now(UTC) - timedelta(seconds=2)
    failed = n % 5 == 0
    settled: dict[str, Any] = {
        "outcome": "failed" if failed else "succeeded", "messages": 40, "duplicates": 1, "lost": int(n % 7 == 0),
        "damaged": 1, "latencies_s": [0.2, 0.4],
        "cost": {"compute_usd": 1.5, "storage_usd": 0.1, "surcharge_usd": 0.4, "basis": "metered"},
        "forecast_usd": 1.8, "input_bytes": 10**9, "shuffle_bytes": 10**8, "spill_bytes": 10**7,
    }  # fmt: skip
    if failed:
        settled["class"] = "spot_loss"
    told: list[tuple[FactKind, str, dict[str, Any]]] = [
        (FactKind.INTENDED, "", {"forecast_usd": 1.8}),
        (FactKind.SUBMITTED, "", {"native_id": str(n)}),
        (FactKind.STATE, "running", {"state": "running"}),
    ]
    if not live:
        told += [
            (FactKind.ADOPTED, "b", {}),
            (FactKind.POLL_FAILED, "1", {}),
            (FactKind.CANCEL_ASKED, "", {"reason": "person"}),
            (FactKind.BILLING_FAILED, "", {}),
            (FactKind.CHANNEL_BROKEN, "", {}),
            (FactKind.FAILED_OVER, "", {"class": "spot_loss", **({"escalation": "on_demand"} if n % 2 else {})}),
            (FactKind.PUBLISHED, "", {"rows": {"links": 1000}}),
            (FactKind.REAPED, "", {"reason": "no_step"}),
            (FactKind.SETTLED, "", settled),
        ]
    ledger.append(
        Fact(kind=kind, identity=f"{token}:{kind}:{nth}", at=at, token=token, labels=labels, data=data)
        for kind, nth, data in told
    )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """Dagster's, with a run in the queue and a pool."""
    with dg.instance_for_test(temp_dir=str(tmp_path_factory.mktemp("dagster"))) as one:
        queued(one, "web", "web_graph")
        one.event_log_storage.set_concurrency_slots("emr", 2)
        yield one


@pytest.fixture(scope="module")
def discovery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Discovery's sidecar over the releases of a rehearsal; the port of its metrics."""
    api, folder = ApiServer(), tmp_path_factory.mktemp("workspace")
    releases = Releases(api, {"web": "web_graph"})
    pages = webserver(folder)
    sidecar = discover(api, folder, pages.server_port)
    server = serve_discovery(0, sidecar.metrics.text, sidecar.health)

    def move() -> None:
        """A change each second, so that a scrape falls between two."""
        for n in itertools.count():
            if over.wait(1):
                return
            releases.add(f"team{n % 20}", f"location_{n % 20}")

    over = threading.Event()
    threading.Thread(target=move, daemon=True).start()
    yield server.server_port
    over.set()
    for one in (server, pages):
        one.shutdown()
        one.server_close()


@pytest.fixture(scope="module")
def exporter(
    instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SqlLedger, Exporter, int]]:
    ledger = open_ledger(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/ledger.db")
    rhythm = Rhythm(round_s=0.2, birth=timedelta(seconds=2 * SCRAPE_S), queue=timedelta(seconds=1))
    one = Exporter(ledger, SystemClock(), rhythm=rhythm, gauges=lambda teams, now: queue_gauges(instance, teams, now))
    pulse = Pulse()
    served = Served(text=one.text, post=one.post, callers=AnyCaller(), pulse=pulse, scraped=one.scraped)
    server = serve(("127.0.0.1", 0), served)
    threading.Thread(target=one.run, args=(pulse.beat,), daemon=True).start()
    yield ledger, one, server.server_port
    server.shutdown()
    server.server_close()
    ledger.close()


@pytest.fixture(scope="module")
def prometheus(
    exporter: tuple[SqlLedger, Exporter, int], discovery: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "rules.yaml").write_text(yaml.safe_dump(as_rules()))
    scrape = {
        "job_name": "e",
        "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in (exporter[2], discovery)]}],
    }
    every = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": "1s"}
    plain = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(plain))
    program = shutil.which("prometheus")
    assert program is not None
    command = [
        program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(address), 60)
        ledger, one, _ = exporter
        attempt(ledger, 0, live=True)
        one.post(Post(token="es-0", sequence=1, progress=PROGRESS, at=datetime.now(UTC)))
        until(lambda: asked(address, "count(engineshed_live_attempts)"), 30)
        for n in range(1, 41):
            attempt(ledger, n)
            time.sleep(0.1)
        until(lambda: asked(address, "sum(engineshed_attempts_total) >= 40"), 60)
        time.sleep(3 * SCRAPE_S)
        yield address
    finally:
        process.terminate()
        process.wait(20)


PROGRESS = {
    "stages_done": 3, "stages_total": 7, "tasks_done": 10, "tasks_total": 40, "rows": 100, "input_bytes": 10**6,
    "spill_bytes": 10,
}  # fmt: skip


def until(holds: Any, within_s: float) -> None:
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def asked(address: str, expr: str) -> list[Any]:
    query = urllib.parse.urlencode({"query": expr})
    with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=10) as answer:
        plain = json.load(answer)
    assert plain["status"] == "success", plain
    return list(plain["data"]["result"])


def filled(expr: str) -> str:
    """As Grafana sends it: all of every variable, the last minutes."""
    for name in ("team", "code_location", "engine"):
        expr = expr.replace(f"${name}", ".*")
    expr = expr.replace("$__rate_interval", "1m").replace("$__range", "5m")
    assert "$" not in expr
    return expr


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_panels_query_gives_data(prometheus: str, title: str, query: Query) -> None:
    found = asked(prometheus, filled(query.expr))
    assert found, query.expr
    assert not all(series["value"][1] == "NaN" for series in found), query.expr
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert all(label in series["metric"] for series in found)


TRUTHS = {
    # panel: what the forty settled attempts come to, first ones of a kind included; by the value of a label
    "engineshed-fleet: Succeeded": {"": 32 / 40},
    "engineshed-fleet: Spent": {"": 80.0},
    "engineshed-fleet: Settled by outcome": {"succeeded": 32, "failed": 8},
    "engineshed-cost: Spent by part": {"compute": 60.0, "storage": 4.0, "surcharge": 16.0},
    "engineshed-team: Failures by class": {"spot_loss": 8},
    "engineshed-messages: Lost": {"": 5},
    "engineshed-messages: Arrived twice": {"": 40},
}


@pytest.mark.parametrize("title", TRUTHS)
def test_a_board_shows_what_the_facts_say(prometheus: str, title: str) -> None:
    expr = next(query.expr for named, query in QUERIES if named == title)
    found = asked(prometheus, filled(expr))
    told = {next(iter(one["metric"].values()), ""): float(one["value"][1]) for one in found}
    assert told == pytest.approx(TRUTHS[title])


def test_increase_itself_sees_the_first_value_of_a_counter(prometheus: str) -> None:
    told = asked(prometheus, "sum(increase(engineshed_messages_lost_total[5m]))")
    assert float(told[0]["value"][1]) >= 5


def test_the_recordings_are_there(prometheus: str) -> None:
    until(lambda: asked(prometheus, "team:engineshed_attempts_failed:ratio_rate5m"), 90)


def test_an_alert_is_pending_or_fires_for_lost_messages(prometheus: str) -> None:
    until(lambda: asked(prometheus, 'ALERTS{alertname="EngineshedMessagesLost"}'), 60)
