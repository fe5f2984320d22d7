"""What the exporter takes: a backlog of facts, a scrape of a large fleet, posts of progress; and what a run pays.

    .venv/bin/python benchmarks/exporter.py [--facts N] [--seconds S]

A real SQLite ledger, the real exporter and HTTP; the exporter is a process of its own, so that CPU and memory are its
alone. The fleet: 50 code locations, 4 engines, 20 asset groups, every one of the 4,000 ways taken. Bars: a backlog of
100,000 facts at 5,000 a second of CPU time, memory below 200 MiB and flat (after the whole backlog at most 1.3 times
that after its first tenth plus 16 MiB), a scrape within 100 ms, of 300 posts a second none lost that is the newest of
its attempt, and on the run's side less than 1 % of a core.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from engineshed.model.fact import Fact, FactKind
from engineshed.storage.ledger import SqlLedger, open_ledger
from engineshed.telemetry.posting import Poster

LOCATIONS, ENGINES, GROUPS = 50, ("local", "kubernetes", "emr", "databricks"), 20
FACTS_A_SECOND, MEMORY_MIB, FLAT, NOISE_MIB, SCRAPE_MS, POSTS_A_SECOND, RUN_SHARE = 5000, 200, 1.3, 16, 100, 300, 0.01
PER_ATTEMPT = 5
LIVE = 200

EXPORTER = """
import sys, time
from pathlib import Path
from engineshed.running.system_clock import SystemClock
from engineshed.storage.ledger import open_ledger
from engineshed.telemetry.exporter.callers import AnyCaller
from engineshed.telemetry.exporter.process import Exporter
from engineshed.telemetry.exporter.serving import Pulse, Served, serve

one = Exporter(open_ledger(sys.argv[1]), SystemClock(), checkpoint_file=Path(sys.argv[2]))
pulse = Pulse()
served = Served(text=one.text, post=one.post, callers=AnyCaller(), pulse=pulse, scraped=one.scraped)
print(serve(("127.0.0.1", 0), served).server_port, flush=True)
sys.stdin.readline()
one.run(pulse.beat)
"""


def told(n: int, *, live: bool = False) -> Iterator[Fact]:
    """The facts of one attempt, as the route tells them."""
    location = n % LOCATIONS
    labels = {
        "team": f"team-{location % 10}", "code_location": f"location_{location}",
        "engine": ENGINES[n // LOCATIONS % len(ENGINES)],
        "asset_group": f"group_{n // (LOCATIONS * len(ENGINES)) % GROUPS}", "transport": "objects", "asset": "edges",
    }  # fmt: skip
    failed = n % 9 == 0
    settled: dict[str, Any] = {
        "outcome": "failed" if failed else "succeeded", "messages": 40, "duplicates": 0, "lost": 0, "damaged": 0,
        "latencies_s": [0.2, 0.4, 0.3], "input_bytes": 10**9, "shuffle_bytes": 10**8, "spill_bytes": 0,
        "cost": {"compute_usd": "1.5", "storage_usd": "0.1", "surcharge_usd": "0.4", "basis": "metered"},
        "forecast_usd": 1.8, **({"class": "spot_loss"} if failed else {}),
    }  # fmt: skip
    stories: list[tuple[FactKind, str, dict[str, Any]]] = [
        (FactKind.INTENDED, "", {"forecast_usd": 1.8}),
        (FactKind.SUBMITTED, "", {"native_id": str(n), "latency_s": 0.3}),
        (FactKind.STATE, "running", {"state": "running"}),
        (FactKind.PUBLISHED, "", {"rows": {"links": 1000}}),
        (FactKind.SETTLED, "", settled),
    ]
    token, at = f"es-{n}", datetime.now(UTC)
    for kind, nth, data in stories[:3] if live else stories:
        yield Fact(kind=kind, identity=f"{token}:{kind}:{nth}", at=at, token=token, labels=labels, data=data)


class Process:
    """The exporter in a process of its own; it begins its rounds when told to."""

    def __init__(self, url: str, checkpoint: Path) -> None:
        command = [sys.executable, "-c", EXPORTER, url, str(checkpoint)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def begin(self) -> None:
        """The rounds."""
        assert self._process.stdin is not None
        print("go", file=self._process.stdin, flush=True)

    def cpu_s(self) -> float:
        """So far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        """Now."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self._process.pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0

    def page(self) -> str | None:
        """/metrics; None while it counts."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return text if answer.status == 200 else None

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


def row(what: str, seen: str, bar: str, held: bool) -> bool:
    """Print one row of the table."""
    print(f"| {what} | {seen} | {bar} | {'held' if held else 'missed'} |", flush=True)
    return held


def backlog(one: Process, facts: int) -> bool:
    """Take in all that waits."""
    before_s, memory = one.cpu_s(), []
    one.begin()
    while one.page() is None:
        memory.append(one.resident_mib())
        time.sleep(0.05)
    took_s = one.cpu_s() - before_s
    early, late = memory[len(memory) // 10], max(memory[-1], one.resident_mib())
    fast = row(
        "backlog", f"{facts / took_s:,.0f} facts/s of CPU time", f"{FACTS_A_SECOND:,}", facts / took_s >= FACTS_A_SECOND
    )
    seen = f"{early:.0f} -> {late:.0f} MiB"
    return (
        row("its memory", seen, f"{MEMORY_MIB} MiB, flat", late < MEMORY_MIB and late <= FLAT * early + NOISE_MIB)
        and fast
    )


def scrapes(one: Process, ledger: SqlLedger, seconds: int, first: int) -> bool:
    """Scrape each second while runs are settled; then while nothing happens."""
    held = True
    for name, settled in (("while 20 attempts a second settle", 20), ("while nothing happens", 0)):
        before_s, started_s, took_ms, size = one.cpu_s(), time.monotonic(), [], 0
        for n in range(seconds):
            ledger.append(fact for k in range(settled) for fact in told(first + n * settled + k))
            begun_s = time.perf_counter()
            size = len(one.page() or "")
            took_ms.append(1000 * (time.perf_counter() - begun_s))
            time.sleep(max(0.0, started_s + n + 1 - time.monotonic()))
        share = (one.cpu_s() - before_s) / (time.monotonic() - started_s)
        seen = f"median {statistics.median(took_ms):.0f} ms, longest {max(took_ms):.0f} ms; {size / 1e6:.1f} MB"
        held = row(f"scrape {name}", seen, f"median {SCRAPE_MS} ms", statistics.median(took_ms) < SCRAPE_MS) and held
        print(f"| its CPU {name}, a scrape a second | {100 * share:.0f} % of a core | - | - |")
    return held


def posts(one: Process, ledger: SqlLedger, seconds: int, first: int) -> bool:
    """Post at the rate for all live attempts, the newest word of each last."""
    ledger.append(fact for n in range(LIVE) for fact in told(first + n, live=True))
    connection = HTTPConnection("127.0.0.1", one.port, timeout=10)
    before_s, started_s, sent, wrong, word = one.cpu_s(), time.monotonic(), 0, 0, 0
    while time.monotonic() - started_s < seconds:
        for _ in range(30):
            token, word = f"es-{first + sent % LIVE}", sent // LIVE + 1
            body = json.dumps({"posts": [{"token": token, "sequence": word, "progress": {"tasks_done": word}}]})
            connection.request("POST", "/progress", body)
            answer = connection.getresponse()
            answer.read()
            wrong += answer.status != 202
            sent += 1
        time.sleep(max(0.0, started_s + sent / POSTS_A_SECOND - time.monotonic()))
    rate = sent / (time.monotonic() - started_s)
    share = (one.cpu_s() - before_s) / (time.monotonic() - started_s)
    full, rest = divmod(sent, LIVE)
    newest = full * LIVE + rest
    time.sleep(3)
    page = one.page() or ""
    shown = sum(float(value) for value in re.findall(r"^engineshed_live_tasks_done\{.*\} (\S+)$", page, re.MULTILINE))
    seen = f"{rate:.0f} a second, {wrong} refused, newest words shown {shown:.0f} of {newest}"
    print(f"| its CPU under posts | {100 * share:.0f} % of a core | - | - |")
    return row("posts", seen, f"{POSTS_A_SECOND}, all", rate > 0.95 * POSTS_A_SECOND and not wrong and shown == newest)


def run_side(one: Process, seconds: int, first: int) -> bool:
    """What a run's worker pays: five words a second to the meter, in this process."""
    poster = Poster(f"http://127.0.0.1:{one.port}")
    before_s, started_s = time.process_time(), time.monotonic()
    for n in range(5 * seconds):
        poster.progress(f"es-{first}", 10**6 + n, {"tasks_done": n, "tasks_total": 5 * seconds, "rows": n})
        time.sleep(0.2)
    share = (time.process_time() - before_s) / (time.monotonic() - started_s)
    poster.close()
    return row("the run's side", f"{100 * share:.2f} % of a core", f"{100 * RUN_SHARE:.0f} %", share < RUN_SHARE)


def main() -> int:
    """Print the table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{name}/ledger.db"
        ledger, attempts = open_ledger(url), given.facts // PER_ATTEMPT
        for start in range(0, attempts, 1000):
            ledger.append(fact for n in range(start, min(start + 1000, attempts)) for fact in told(n))
        one = Process(url, Path(name, "checkpoint.json"))
        try:
            print(f"Load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n")
            print("| what | seen | bar | |\n|---|---|---|---|", flush=True)
            held = [
                backlog(one, attempts * PER_ATTEMPT),
                scrapes(one, ledger, given.seconds, attempts),
                posts(one, ledger, given.seconds, 10**6),
                run_side(one, given.seconds, 10**6),
            ]
        finally:
            one.end()
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
