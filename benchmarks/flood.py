"""What a chatty driver does to the event log: rate, lag, rows, and the memory of the process that watches.

    .venv/bin/python benchmarks/flood.py [--seconds S]

The real route as in latency.py. Four drivers, one after the other: 300 log messages a second whose levels alternate, so
that few can be folded; 300 structured messages a second (checks and custom ones), which are kept for the step's result;
2,000 log lines a second; and 100,000 log lines as fast as the driver can. Every line must be in the event log, once and
in order. The lag is that between the driver's call and the row's time stamp. Bars: 300 messages a second sustained (a
lag that does not grow beyond 5 s), memory flat (at the end at most 1.2 times that after a tenth of the lines, plus 24
MiB for the one batch that is in hand). 2,000 lines a second are aimed for.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

LAG_S = 5.0
FLAT, NOISE_MIB = 1.2, 24

SCRIPT = """
import time
from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    start = time.monotonic()
    for number in range({count}):
        {say}
        if {rate} and number % 20 == 19:
            time.sleep(max(0.0, start + (number + 1) / ({rate} or 1) - time.monotonic()))
"""

LINE = 'f"said {number} {time.time()!r}"'


@dataclass(frozen=True)
class Driver:
    """What one says. `rate`: a second; 0: as fast as it can. logs: whether its messages are log lines."""

    name: str
    say: str
    rate: int
    count: int
    logs: bool = True


def drivers(seconds: int) -> tuple[Driver, ...]:
    alternating = f"(pipes.log.info if number % 2 else pipes.log.warning)({LINE})"
    structured = (
        'pipes.report_custom_message({"number": number}) if number % 2 else '
        'pipes.report_asset_check(f"check_{number % 50}", True, "ERROR", {}, "pages")'
    )
    return (
        Driver("300 messages/s, levels alternate", alternating, 300, 300 * seconds),
        Driver("300 structured messages/s", structured, 300, 300 * seconds, logs=False),
        Driver("2,000 log lines/s", f"pipes.log.info({LINE})", 2000, 2000 * seconds),
        Driver("100,000 log lines at once", f"pipes.log.info({LINE})", 0, 100_000),
    )


def resident_mib() -> float:
    """Of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise OSError("no VmRSS in /proc/self/status")


@contextmanager
def watched_memory() -> Iterator[list[tuple[float, float]]]:
    """(seconds, MiB), every half second."""
    samples: list[tuple[float, float]] = []
    over = threading.Event()

    def sample() -> None:
        while not over.wait(0.5):
            samples.append((time.time(), resident_mib()))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    yield samples
    over.set()
    thread.join()


def lines_of(instance: Any, run_id: str) -> tuple[list[tuple[int, float, float]], int]:
    """(number, said at, stored at) of every line in the order of the log, and the rows that hold them."""
    said, rows, cursor = [], 0, None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, limit=1000)
        if not page.records:
            return said, rows
        cursor = page.cursor
        for record in page.records:
            entry = record.event_log_entry
            found = re.findall(r"said (\d+) ([\d.]+)$", entry.user_message or "", re.MULTILINE)
            rows += bool(found)
            said += [(int(number), float(at), entry.timestamp) for number, at in found]


def measure(driver: Driver, folder: Path, s3: str, instance: Any) -> bool:
    """Print one row; whether its bars are held."""
    from benchmarks.apparatus.route import run, shed_for

    script = folder / "talk.py"
    script.write_text(SCRIPT.format(count=driver.count, say=driver.say, rate=driver.rate))
    shed = shed_for(folder, s3)
    started = time.time()
    with watched_memory() as memory:
        result = run(script, shed, instance, driver.name)
    took_s = time.time() - started
    [newest] = instance.get_runs(limit=1)
    said, rows = lines_of(instance, newest.run_id)
    ok = result.messages == driver.count + 2
    cells = [driver.name, f"{driver.count:,}"]
    if driver.logs:
        ok = ok and [number for number, _, _ in said] == list(range(driver.count))
        lags = [stored - at for _, at, stored in said]
        span_s = said[-1][2] - said[0][2]
        cells += [f"{driver.count / span_s:,.0f}/s", f"{rows:,}", f"{statistics.median(lags):.1f} s, {max(lags):.1f} s"]
        ok = ok and (not driver.rate or max(lags[len(lags) // 2 :]) <= LAG_S)
    else:
        cells += [f"{driver.count / took_s:,.0f}/s, start included", "-", "-"]
    early = [mib for at, mib in memory if at - started > 0.1 * took_s]
    flat = memory[-1][1] <= early[0] * FLAT + NOISE_MIB
    cells += [f"{early[0]:.0f} -> {memory[-1][1]:.0f} MiB", "held" if ok and flat else "missed"]
    print(f"| {' | '.join(cells)} |", flush=True)
    return ok and flat


def main() -> int:
    """Print the table; 1 when a line is lost or a bar missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name), Path(name, "dagster")
        home.mkdir()
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        os.environ["DAGSTER_HOME"] = str(home)

        import dagster as dg
        from benchmarks.apparatus.s3 import s3_server

        print("| driver | messages | into the log | rows | lag: median, longest | memory | bars |")
        print("|---|---|---|---|---|---|---|", flush=True)
        with s3_server() as s3, dg.DagsterInstance.get() as instance:
            held = [measure(driver, folder, s3, instance) for driver in drivers(given.seconds)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
