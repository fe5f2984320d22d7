"""Sets the rehearsal up, lets it go on for some minutes, and gives the address of the Prometheus that saw it."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import dagster as dg
from make.rehearsal.cluster import ApiServer, Releases, discover, webserver
from make.rehearsal.runs import TEAMS, Queue, worker

from engineshed.discovery.serving import serve as serve_discovery
from engineshed.running.system_clock import SystemClock
from engineshed.storage.ledger import open_ledger
from engineshed.telemetry.exporter.callers import AnyCaller
from engineshed.telemetry.exporter.process import Exporter, Rhythm
from engineshed.telemetry.exporter.queue import queue_gauges
from engineshed.telemetry.exporter.serving import Pulse, Served, serve
from engineshed.telemetry.posting import Poster
from engineshed.telemetry.rules import as_rules

WORKERS = 9
WARM_UP_S = 90
"""Until everything is imported and runs of all kinds have been: nothing of it is drawn."""

SCRAPE_S = 2


@contextmanager
def rehearsed(minutes: float) -> Iterator[str]:
    """The Prometheus that has watched the rehearsal for so long, and while it warmed up.

    Raises SystemExit where there is no program `prometheus`.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise SystemExit("there is no program `prometheus` on the path: put the folder that holds it on PATH.")
    lasts_s = WARM_UP_S + 60 * minutes
    with tempfile.TemporaryDirectory(prefix="engineshed-rehearsal-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        targets, workers = _watched(home, time.monotonic() + lasts_s)
        with _prometheus(program, home, targets) as address:
            time.sleep(lasts_s)
            yield address
        for working in workers:
            working.join()


def _watched(home: Path, until_s: float) -> tuple[list[int], list[threading.Thread]]:
    """Start all that is scraped; the ports, and the threads that write into the folder until the end."""
    ledger = open_ledger(f"sqlite:///{home}/ledger.db")
    instance = dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}})
    rhythm = Rhythm(queue=timedelta(seconds=2), birth=timedelta(seconds=2 * SCRAPE_S))
    one = Exporter(ledger, SystemClock(), gauges=lambda teams, now: queue_gauges(instance, teams, now), rhythm=rhythm)
    pulse = Pulse()
    served = Served(text=one.text, post=one.post, callers=AnyCaller(), pulse=pulse, scraped=one.scraped)
    exporter = serve(("127.0.0.1", 0), served)
    threading.Thread(target=one.run, args=(pulse.beat,), daemon=True).start()

    api, workspace = ApiServer(), home / "workspace"
    releases = Releases(api, {team: TEAMS[team] for team in sorted(TEAMS)})
    sidecar = discover(api, workspace, webserver(workspace).server_port)
    metrics = serve_discovery(0, sidecar.metrics.text, sidecar.health)
    threading.Thread(target=_change, args=(releases, until_s), daemon=True).start()

    queue = Queue(instance, random.Random(7))
    meter = Poster(f"http://127.0.0.1:{exporter.server_port}", every_s=0.5)
    threading.Thread(target=queue.fill, args=(until_s,), daemon=True).start()
    made = [worker(home, ledger, queue, instance, meter, n) for n in range(WORKERS)]
    workers = [threading.Thread(target=each.work, args=(until_s,), daemon=True) for each in made]
    for thread in workers:
        thread.start()
    return [exporter.server_port, metrics.server_port], workers


def _change(releases: Releases, until_s: float) -> None:
    """A roll-out, and a code server that is away for long."""
    third_s = (until_s - time.monotonic()) / 3
    time.sleep(third_s)
    releases.roll_out("web")
    releases.ready("registry", False)
    time.sleep(third_s)
    releases.ready("registry", True)


@contextmanager
def _prometheus(program: str, home: Path, targets: list[int]) -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    scrape = {"job_name": "rehearsal", "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}]}
    every = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": f"{SCRAPE_S}s"}
    # JSON is YAML too.
    (home / "rules.yaml").write_text(json.dumps(as_rules()), encoding="utf-8")
    plain = {"global": every, "rule_files": ["rules.yaml"], "scrape_configs": [scrape]}
    (home / "prometheus.yml").write_text(json.dumps(plain), encoding="utf-8")
    command = [program, f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/samples"]
    with (home / "prometheus.log").open("w") as log:
        process = subprocess.Popen([*command, f"--web.listen-address={address}"], stdout=log, stderr=log)
    try:
        _wait(f"http://{address}/-/ready")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str) -> None:
    for _ in range(120):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("Prometheus did not start within a minute.")
