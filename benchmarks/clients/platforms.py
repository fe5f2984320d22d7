"""Where the experiments happen: the doubles of both platforms, which really run the script, and what their books say.

A `Site` is one fresh account, one folder and one of the two clients: it starts run workers and reads what came of them
from Dagster's instance in the folder and from the platform's books, never from what a client says of itself.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from benchmarks.clients.environment import databricks_python
from botocore.loaders import Loader

from engineshed.testing import databricks, emr

HERE = Path(__file__).parent
PATIENCE_S = 300.0
FASTER = 120
"""The doubles' time, and that of boto3's waiters, to ours."""
VOLUME = "/Volumes/main/bench/exchange"
BUCKET = "jobs"
PRICES = {
    ("ec2:m5.xlarge", "on_demand"): "0.192",
    ("emr:m5.xlarge", ""): "0.048",
    ("ebs:gp3", ""): "0.00011",
    ("dbu:PREMIUM_JOBS_COMPUTE", ""): "0.15",
}
MESSAGE = re.compile(r"\bmessage (\d+)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an asset.

    status: of the last Dagster run. heard: distinct messages of the script in the event logs. submitted: runs or
    clusters that the platform was asked for. left: of those, what still ran and cost when Dagster had been done for
    five minutes of the platform's time. found: whether a search for the first Dagster run's id finds one of them.
    """

    status: str
    materialisations: int
    heard: int
    submitted: int
    left: int
    found: bool


class Site(ABC):
    """One client in one account. ours: engineshed; else Dagster's own."""

    def __init__(self, folder: Path, *, ours: bool) -> None:
        self.folder, self.ours = folder, ours
        self.script, self.gate, self.started = folder / "talk.py", folder / "go", folder / "started"

    @abstractmethod
    def lose_a_reply(self) -> None:
        """The answer to the next submit is lost."""

    @abstractmethod
    def submitted(self) -> Sequence[str]:
        """What was asked for, in words that a search would find."""

    @abstractmethod
    def live(self) -> int:
        """What runs and costs now."""

    @abstractmethod
    def _theirs(self) -> tuple[Path, Path, Mapping[str, str]]:
        """Interpreter, program and variables of Dagster's client."""

    @abstractmethod
    def _location(self) -> tuple[dict[str, Any], Mapping[str, str]]:
        """location.yaml of engineshed, and its variables."""

    def start(self, **more: str) -> subprocess.Popen[bytes]:
        """A run worker."""
        if self.ours:
            python, program, variables = Path(sys.executable), HERE / "ours.py", self._settle()
        else:
            python, program, variables = self._theirs()
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DAGSTER_", "DATABRICKS_", "ENGINESHED_"))
        }
        common = {
            "BENCH_FOLDER": str(self._instance_folder),
            "BENCH_SCRIPT": str(self.script),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        }
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [python, program], env={**kept, **common, **variables, **more}, stdout=log, stderr=log
            )

    @property
    def _instance_folder(self) -> Path:
        folder = self.folder / "dagster"
        folder.mkdir(exist_ok=True)
        return folder

    def _settle(self) -> Mapping[str, str]:
        location, variables = self._location()
        stated = {"team": "bench", "code_location": "bench", "mode": "full", **location}
        (self.folder / "location.yaml").write_text(yaml.safe_dump(stated))
        origin = {"region": "us-east-1", "source": "this benchmark", "as_of": "2026-11-01"}
        prices = [{"item": i, "market": m, "usd_per_hour": usd, **origin} for (i, m), usd in PRICES.items()]
        machine = {"name": "m5.xlarge", "platforms": ["emr", "databricks"], "vcpus": 4, "memory_gib": "16"}
        machine |= {"architecture": "x86_64", "dbus_per_hour": {"standard": "0.69"}}
        listed = {"version": 1, "currency": "USD", "prices": prices, "machines": [machine]}
        (self.folder / "prices.json").write_text(json.dumps(listed))
        (self.folder / "platform.yaml").write_text(f"price_list: {self.folder / 'prices.json'}\n")
        return {
            "ENGINESHED_LOCATION": str(self.folder / "location.yaml"),
            "ENGINESHED_PLATFORM": str(self.folder / "platform.yaml"),
            "ENGINESHED_HOME": str(self.folder / "home"),
            **variables,
        }

    def wait_for_script(self) -> None:
        """Until the script runs."""
        self._wait(self.started.exists, "the script's start")

    def cancel(self, worker: subprocess.Popen[bytes]) -> None:
        """What Dagster does when a person terminates a run: it is marked, then its process is interrupted."""
        with self._instance() as instance:
            (run,) = instance.get_runs()
            instance.report_run_canceling(run)
        worker.send_signal(signal.SIGINT)

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """As a node that is lost kills a worker."""
        worker.kill()
        worker.wait(PATIENCE_S)

    def outcome(self, worker: subprocess.Popen[bytes]) -> Outcome:
        """What came of it, once the worker has ended."""
        worker.wait(PATIENCE_S)
        until = time.monotonic() + 300 / FASTER
        while self.live() and time.monotonic() < until:
            time.sleep(0.05)
        with self._instance() as instance:
            runs = instance.get_runs()
            entries = [entry for run in runs for entry in instance.all_logs(run.run_id)]
            made = instance.fetch_materializations(dg.AssetKey("talk"), limit=100).records
        if not runs:
            raise RuntimeError(f"no run was made: {(self.folder / 'worker.log').read_text()[-2000:]}")
        heard = {number for entry in entries for number in MESSAGE.findall(entry.user_message or "")}
        asked = self.submitted()
        return Outcome(
            status=runs[0].status.value,
            materialisations=len(made),
            heard=len(heard),
            submitted=len(asked),
            left=self.live(),
            found=any(runs[-1].run_id in words for words in asked),
        )

    def _instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.local_temp(str(self._instance_folder))

    def _wait(self, look: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + PATIENCE_S
        while not look():
            if time.monotonic() > until:
                log = (self.folder / "worker.log").read_text()[-2000:]
                raise TimeoutError(f"{what}: not within {PATIENCE_S:g} s: {log}")
            time.sleep(0.05)


class EmrSite(Site):
    """EMR.

    action: `ActionOnFailure` of the client's step. own: a variable of the team's own `spark-env`. impatient: whether
    boto3's waiters give up as they do; else they do not, for this machine is slower than EMR in the doubles' time.
    """

    def __init__(self, double: emr.EmrDouble, folder: Path, *, ours: bool) -> None:
        super().__init__(folder, ours=ours)
        self.action, self.own, self.impatient = "TERMINATE_CLUSTER", "", False
        self._double = double
        double.neighbours.make_bucket(BUCKET)

    def lose_a_reply(self) -> None:
        lost = emr.CallFault(trouble=emr.CallTrouble.LOST_REPLY, on="RunJobFlow")
        self._double.plan(emr.Faults(calls=(lost,)))

    def submitted(self) -> Sequence[str]:
        return [json.dumps([c.name, dict(c.tags)]) for c in self._double.submissions]

    def live(self) -> int:
        return len({machine.cluster_id for machine in self._double.billing_now()})

    def _variables(self) -> Mapping[str, str]:
        return {**self._double.environment(), "AWS_DATA_PATH": str(self._waiters())}

    def _waiters(self) -> Path:
        """A folder with EMR's waiters as boto3 has them, in the doubles' time."""
        waiters = Loader().load_service_model("emr", "waiters-2")
        for waiter in waiters["waiters"].values():
            waiter["delay"] /= FASTER
            waiter["maxAttempts"] *= 1 if self.impatient else 1000
        path = self.folder / "botocore" / "emr" / "2009-03-31" / "waiters-2.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(waiters))
        return self.folder / "botocore"

    def _theirs(self) -> tuple[Path, Path, Mapping[str, str]]:
        body = self.script.read_bytes()
        self._double.client("s3").put_object(Bucket=BUCKET, Key="talk.py", Body=body)
        own = {"BENCH_ENV": self.own} if self.own else {}
        said = {"BENCH_EMR": self._double.endpoint_url, "BENCH_ADDRESS": f"s3://{BUCKET}/talk.py"}
        variables = {**self._variables(), **said, **own, "BENCH_ACTION": self.action}
        return Path(sys.executable), HERE / "emr_theirs.py", variables

    def _location(self) -> tuple[dict[str, Any], Mapping[str, str]]:
        address = {"region": "us-east-1", "endpoint_url": self._double.endpoint_url}
        own = [{"classification": "export", "properties": {"TEAM": self.own}}]
        stated = [{"classification": "spark-env", "configurations": own}] if self.own else []
        location = {
            "objective": {"pin": "emr"},
            "exchange_root": f"s3://{BUCKET}/exchange",
            "store": {"endpoint_url": self._double.neighbours.endpoint_url, "region": "us-east-1"},
            "engines": {"emr": {**address, "spot": False, "managed_scaling": False, "configurations": stated}},
        }
        return location, self._variables()


class DatabricksSite(Site):
    """Databricks, job clusters."""

    def __init__(self, double: databricks.DatabricksDouble, folder: Path, *, ours: bool) -> None:
        super().__init__(folder, ours=ours)
        self._double = double
        double.make_volume(VOLUME)

    def lose_a_reply(self) -> None:
        lost = databricks.CallFault(trouble=databricks.CallTrouble.LOST_REPLY, on="runs/submit")
        self._double.plan(databricks.Faults(calls=(lost,)))

    def submitted(self) -> Sequence[str]:
        clusters = self._double.platform.fleet.clusters.values()
        tags = [[dict(c.default_tags), c.spec.get("custom_tags")] for c in clusters]
        runs = [self._double.books.run(number) for number in self._double.books.submissions]
        # The context that Pipes packs into variables is no word that a search would find: base64 of a zip.
        return [json.dumps([run.name, run.settings["tasks"], run.idempotency_token, tags]) for run in runs]

    def live(self) -> int:
        return len(self._double.books.billing_now())

    def _theirs(self) -> tuple[Path, Path, Mapping[str, str]]:
        self._double.local("/dbfs/talk.py").write_bytes(self.script.read_bytes())
        variables = {**self._variables(), "BENCH_ADDRESS": "dbfs:/talk.py"}
        return databricks_python(), HERE / "databricks_theirs.py", variables

    def _variables(self) -> Mapping[str, str]:
        return {"DATABRICKS_HOST": self._double.host, "DATABRICKS_TOKEN": self._double.token}

    def _location(self) -> tuple[dict[str, Any], Mapping[str, str]]:
        cluster = {"kind": "new_cluster", "runtime": "15.4", "node_types": ["m5.xlarge"], "markets": ["on_demand"]}
        location = {
            "objective": {"pin": "databricks"},
            "exchange_root": VOLUME,
            "engines": {"databricks": {"region": "us-east-1", "compute": [cluster]}},
        }
        return location, self._variables()


@contextmanager
def emr_site(folder: Path, *, ours: bool) -> Iterator[EmrSite]:
    """An account of EMR."""
    with emr.EmrDouble(execute=True, time_scale=1 / FASTER) as double:
        yield EmrSite(double, folder, ours=ours)


@contextmanager
def databricks_site(folder: Path, *, ours: bool) -> Iterator[DatabricksSite]:
    """A workspace of Databricks."""
    with databricks.DatabricksDouble(execute=True, time_scale=1 / FASTER) as double:
        yield DatabricksSite(double, folder, ours=ours)
