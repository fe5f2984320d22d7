"""From a driver's call to Dagster's event log: how long a message takes, and how many requests that costs.

    .venv/bin/python benchmarks/latency.py [--messages N] [--channel volumes]

The real route: a relay process ships what its script says to an S3 server (moto, a process of its own, real HTTP), the
route in this process reads it there and writes it to a Dagster instance (SQLite); a third process looks into that
instance every 20 ms and takes the time at which a message is there to be seen. Messages come 0.1 to 0.7 s apart, so
that no period is hit by design. With `--channel volumes` the driver runs on Databricks' double and speaks through a
volume of Unity Catalog, read over the REST API. Bar: 1.5 s at the 95th percentile; 0.7 s is aimed for.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

BAR_S = 1.5

SCRIPT = """
import random, time
from dagster_pipes import open_dagster_pipes

chance = random.Random(7)
with open_dagster_pipes() as pipes:
    time.sleep(2)
    for number in range({messages}):
        pipes.log.info(f"said {{number}} {{time.time()!r}}")
        time.sleep(chance.uniform(0.1, 0.7))
"""

WATCHER = """
import json, sys, time
import dagster as dg

instance = dg.DagsterInstance.get()
seen, cursor, found = {}, 0, None
print("ready", flush=True)
while len(seen) < int(sys.argv[1]):
    time.sleep(0.02)
    if found is None:
        found = next(iter(instance.get_runs(limit=1)), None)
        continue
    page = instance.get_records_for_run(found.run_id, cursor=cursor or None, limit=500)
    now = time.time()
    cursor = page.cursor if page.records else cursor
    for record in page.records:
        text = record.event_log_entry.user_message or ""
        for line in text.splitlines():
            if line.startswith("said "):
                _, number, said = line.split(" ")
                seen[number] = (float(said), now)
print(json.dumps(list(seen.values())), flush=True)
"""


@contextmanager
def watched(instance: str, messages: int) -> Iterator[Callable[[], list[tuple[float, float]]]]:
    """A process that looks into an instance. instance: Python that opens it. What is given waits for all messages."""
    command = [sys.executable, "-c", WATCHER.replace("dg.DagsterInstance.get()", instance), str(messages)]
    watcher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert watcher.stdout is not None
    lines = watcher.stdout
    lines.readline()
    try:
        yield lambda: [(said, there) for said, there in json.loads(lines.readline())]
    finally:
        watcher.kill()


def by_objects(folder: Path, messages: int) -> list[tuple[float, float]]:
    """Through an object store, by a relay beside the route; prints what it asked of the store."""
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    os.environ["DAGSTER_HOME"] = str(home)

    import dagster as dg
    from benchmarks.apparatus.route import run, shed_for
    from benchmarks.apparatus.s3 import counts, s3_server

    script = folder / "talk.py"
    script.write_text(SCRIPT.format(messages=messages))
    with s3_server() as s3, dg.DagsterInstance.get() as instance, watched("dg.DagsterInstance.get()", messages) as seen:
        shed = shed_for(folder, s3)
        counts(s3)
        started_s = shed.clock.monotonic_s()
        run(script, shed, instance, "latency")
        hours = (shed.clock.monotonic_s() - started_s) / 3600
        asked = counts(s3)
        found = seen()
    per_hour = {kind: round(count / hours, -2) for kind, count in sorted(asked.items())}
    print("requests an hour while it talks: " + ", ".join(f"{count:,.0f} {kind}" for kind, count in per_hour.items()))
    return found


def by_volumes(folder: Path, messages: int) -> list[tuple[float, float]]:
    """Through a volume of Unity Catalog: the engine as shipped, on Databricks' double, which really runs the relay."""
    from benchmarks.clients.platforms import databricks_site

    with databricks_site(folder, ours=True) as site:
        site.script.write_text(SCRIPT.format(messages=messages))
        (folder / "dagster").mkdir()
        with watched(f"dg.DagsterInstance.local_temp({str(folder / 'dagster')!r})", messages) as seen:
            worker = site.start(BENCH_AS_SHIPPED="yes")
            found = seen()
            site.outcome(worker)
    return found


CHANNELS = {"objects": by_objects, "volumes": by_volumes}


def main() -> int:
    """Print the figures; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=300)
    parser.add_argument("--channel", choices=CHANNELS, default="objects")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        seen = CHANNELS[given.channel](Path(name), given.messages)
    took = sorted(there - said for said, there in seen)
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{len(took)} messages: median {statistics.median(took):.2f} s, p95 {p95:.2f} s, longest {took[-1]:.2f} s")
    print(f"p95 bar {BAR_S} s ({'held' if p95 <= BAR_S else 'missed'})")
    return 0 if p95 <= BAR_S else 1


if __name__ == "__main__":
    sys.exit(main())
