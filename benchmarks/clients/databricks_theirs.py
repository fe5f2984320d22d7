"""What Dagster's own client of Databricks keeps and loses, against the double: prints JSON, one object per experiment.

    .venv/bin/python benchmarks/clients/databricks_theirs.py [EXPERIMENT ...]

Dagster's client wants an older databricks-sdk than engineshed, so it runs in an environment of its own, which is made
from databricks.lock when it is not there (`.venv-cache/dagster-databricks`). The double really runs the scripts; its
books say what was started and what is still billed.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engineshed.testing.databricks import CallFault, CallTrouble, DatabricksDouble, Faults, Machines

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOCK = HERE / "databricks.lock"
STEP = HERE / "databricks_step.py"
ENVIRONMENT = ROOT / ".venv-cache" / "dagster-databricks"
PATIENCE_S = 600

_PIPES = """
    import time
    from dagster_pipes import PipesDbfsContextLoader, PipesDbfsMessageWriter, open_dagster_pipes
    with open_dagster_pipes(context_loader=PipesDbfsContextLoader(), message_writer=PipesDbfsMessageWriter()) as pipes:
        open("/dbfs/started", "a").write("1")
        {work}
"""
MESSAGES = 1000
SPEAKS = _PIPES.format(
    work=f"for n in range({MESSAGES}): pipes.report_custom_message({{'number': n, 'text': 'x' * 975}})"
)
WORKS = _PIPES.format(work="time.sleep(600)")
SHORT = _PIPES.format(work="time.sleep(3)")


def environment() -> Path:
    """The interpreter of Dagster's client; its packages are installed by hash where the lock has changed."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "databricks.lock"
    if not stamp.is_file() or stamp.read_bytes() != LOCK.read_bytes():
        uv = subprocess.run([ROOT / "make" / "uv.sh"], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run([uv, "venv", "--quiet", "--clear", ENVIRONMENT, "--python", sys.executable], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", LOCK]
        subprocess.run(install, check=True)
        stamp.write_bytes(LOCK.read_bytes())
    return python


class Bench:
    """A workspace, and Dagster's client at it."""

    def __init__(self, double: DatabricksDouble, python: Path, script: str) -> None:
        self.double, self._python = double, python
        path = double.local("/dbfs/script.py")
        path.write_text(textwrap.dedent(script))

    def start(self) -> subprocess.Popen[str]:
        """A process that materialises the asset."""
        command = [self._python, STEP, self.double.host, self.double.token, "dbfs:/script.py"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def said(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """What Dagster kept."""
        out, errors = process.communicate(timeout=PATIENCE_S)
        lines = [line for line in out.splitlines() if line.startswith('{"dagster_run"')]
        if not lines:
            raise RuntimeError(f"Dagster's client ended with {process.returncode} and said nothing: {errors[-2000:]}")
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def wait_for_starts(self, count: int) -> None:
        """Until so many scripts run."""
        started, until = self.double.local("/dbfs/started"), time.monotonic() + PATIENCE_S
        while len(started.read_text() if started.is_file() else "") < count:
            if time.monotonic() > until:
                raise TimeoutError("the script does not start")
            time.sleep(0.1)

    def books(self, dagster_run: str | None) -> dict[str, Any]:
        """What the workspace says."""
        runs = [self.double.books.run(run_id) for run_id in self.double.books.submissions]
        everything = json.dumps([[r.name, r.settings["tasks"], r.idempotency_token] for r in runs])
        # Pipes' own bootstrap is unreadable to people and to searches: base64 of a zip.
        clusters = json.dumps(
            [[dict(c.default_tags), c.spec.get("custom_tags")] for c in self.double.platform.fleet.clusters.values()]
        )
        return {
            "databricks_runs": len(runs),
            "still_running": sum(not run.over for run in runs),
            "still_billed": len(self.double.books.billing_now()),
            "found_by_dagster_run": bool(dagster_run) and str(dagster_run) in everything + clusters,
        }


def truncated(bench: Bench) -> dict[str, Any]:
    """A thousand messages of a kilobyte, in one chunk of 1.1 MB."""
    said = bench.said(bench.start())
    return {"sent": MESSAGES, **said, **bench.books(said.get("dagster_run"))}


def cancelled(bench: Bench) -> dict[str, Any]:
    """The step is interrupted while the script runs."""
    process = bench.start()
    bench.wait_for_starts(1)
    process.send_signal(signal.SIGINT)
    said = bench.said(process)
    results = [bench.double.books.run(r).cancelled is not None for r in bench.double.books.submissions]
    return {**said, "databricks_cancelled": all(results), **bench.books(said.get("dagster_run"))}


def reply_lost(bench: Bench) -> dict[str, Any]:
    """The answer to the submit is lost once."""
    bench.double.plan(Faults(calls=(CallFault(trouble=CallTrouble.LOST_REPLY, on="runs/submit"),)))
    said = bench.said(bench.start())
    return {**said, **bench.books(said.get("dagster_run"))}


def worker_killed(bench: Bench) -> dict[str, Any]:
    """The worker is killed while the script runs; the step is started again, and killed too, to look at the books."""
    first = bench.start()
    bench.wait_for_starts(1)
    first.kill()
    first.communicate()
    second = bench.start()
    bench.wait_for_starts(2)
    kept = bench.books(None)
    second.kill()
    second.communicate()
    return kept


EXPERIMENTS: dict[str, tuple[Callable[[Bench], dict[str, Any]], str]] = {
    "truncated": (truncated, SPEAKS),
    "cancelled": (cancelled, WORKS),
    "reply_lost": (reply_lost, SHORT),
    "worker_killed": (worker_killed, WORKS),
}


def run(names: list[str]) -> dict[str, Any]:
    """Each experiment by its name, in a workspace of its own."""
    python, found = environment(), {}
    for name in names:
        experiment, script = EXPERIMENTS[name]
        with DatabricksDouble(execute=True, time_scale=0.005, machines=Machines()) as double:
            found[name] = experiment(Bench(double, python, script))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", help=", ".join(EXPERIMENTS))
    wanted = parser.parse_args().experiments or list(EXPERIMENTS)
    if unknown := set(wanted) - set(EXPERIMENTS):
        parser.error(f"no such experiment: {', '.join(sorted(unknown))}")
    print(json.dumps(run(wanted), indent=2))
