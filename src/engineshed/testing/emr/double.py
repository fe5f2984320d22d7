"""The whole double: an account of EMR behind HTTP, its neighbours, its clock, and the books that tests read."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from engineshed.ports.clock import Clock
from engineshed.running.system_clock import SystemClock
from engineshed.testing.clock import VirtualClock
from engineshed.testing.emr import billing, wire
from engineshed.testing.emr.account import Account, Call, ConnectionLost
from engineshed.testing.emr.executing.work import Workshop
from engineshed.testing.emr.faults import ClusterFault, Faults
from engineshed.testing.emr.hands import Hands
from engineshed.testing.emr.machines import Machines
from engineshed.testing.emr.neighbours import CREDENTIALS, REGION, Neighbours, client
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.records import Cluster
from engineshed.testing.emr.refusals import Refusal, internal
from engineshed.testing.emr.scripted import Script, ScriptedHands, Scripts
from engineshed.testing.emr.serving import Server
from engineshed.testing.namespaces import require_namespaces

TICK_S = 0.01


class EmrDouble:
    """An account of EMR. See the package for how to start one.

    execute: bootstrap actions and steps really run, on `machines`, in real time, with the delays of `pace` times
    `time_scale`. Otherwise time is `clock`, which moves when somebody sleeps, and steps do what `scripts` say: one
    script for all, or a function of the step. neighbours: S3 and the other services; in `execute`
    the double starts its own when it is not given one to share. folder: for the clusters' disks; a scratch folder when
    not given. page_size: the most that a page of any list holds. log_scheme: of the LogUri in answers. seed: of the
    identifiers; not given, those of `execute` are new each time, for doubles that share their neighbours share a bucket
    of logs, and those of a simulation are always the same.
    """

    def __init__(
        self,
        *,
        execute: bool = False,
        time_scale: float = 0.01,
        pace: Pace | None = None,
        faults: Faults | None = None,
        scripts: Script | Scripts | None = None,
        machines: Machines | None = None,
        clock: VirtualClock | None = None,
        neighbours: Neighbours | None = None,
        folder: Path | None = None,
        region: str = REGION,
        page_size: int = 50,
        log_scheme: str = "s3n",
        seed: int | None = None,
    ) -> None:
        self._execute, self._scripts, self._machines = execute, scripts or Script(), machines or Machines()
        self._own_neighbours = neighbours is None and execute
        self._neighbours = Neighbours() if self._own_neighbours else neighbours
        self._scratch = Path(tempfile.mkdtemp(prefix="emr-")) if execute and folder is None else None
        self._workshop: Workshop | None = None
        self._folder = folder or self._scratch
        self.clock: Clock = SystemClock() if execute else clock or VirtualClock()
        self.bugs: list[Exception] = []
        self.account = Account(
            clock=self.clock,
            pace=(pace or Pace()).scaled(time_scale if execute else 1.0),
            make_hands=self._make_hands,
            region=region,
            page_size=page_size,
            log_scheme=log_scheme,
            seed=(time.time_ns() if execute else 0) if seed is None else seed,
            faults=faults or Faults(),
        )
        if isinstance(self.clock, VirtualClock):
            self._follow(self.clock)
        self._server: Server | None = None
        self._starting = threading.Lock()
        self._stopped = threading.Event()
        self._ticking = threading.Thread(target=self._tick, name="emr-tick", daemon=True)
        if execute:
            self._ticking.start()

    def _make_hands(self, account: Account) -> Hands:
        if self._folder is not None and self._execute:
            if self._machines.isolated:
                require_namespaces(self._folder, ", or do without, with Machines(isolated=False)")
            self._workshop = Workshop(account, self._folder, self._machines, self.environment())
            self._workshop.hands.bugs = self.bugs
            return self._workshop.hands
        scripts = self._scripts
        return ScriptedHands(account.agenda, account.pace, scripts if callable(scripts) else lambda step: scripts)

    def _follow(self, clock: VirtualClock) -> None:
        others = clock.on_sleep

        def on_sleep() -> None:
            others()
            self.account.advance()

        clock.on_sleep = on_sleep

    def _tick(self) -> None:
        while not self._stopped.wait(TICK_S):
            try:
                self.account.advance()
            except Exception as bug:  # noqa: BLE001 - a thread's bug must reach the test, not its stderr
                self.bugs.append(bug)

    @property
    def endpoint_url(self) -> str:
        """For boto3's `endpoint_url`, of EMR and of every other service that the neighbours have.

        The server starts when somebody asks: a simulation may do without.
        """
        with self._starting:
            if self._server is None:
                self._server = Server(self._respond, self._neighbours.endpoint_url if self._neighbours else "")
            return self._server.url

    @property
    def neighbours(self) -> Neighbours:
        """S3, EC2, IAM and so on. Raises RuntimeError where the double has none."""
        if self._neighbours is None:
            raise RuntimeError("this double has no S3: give it neighbours, EmrDouble(neighbours=Neighbours()).")
        return self._neighbours

    def environment(self) -> Mapping[str, str]:
        """Variables with which any AWS SDK talks to the neighbours."""
        return {
            "AWS_ENDPOINT_URL": self.neighbours.endpoint_url,
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def settings(self) -> dict[str, str]:
        """What an engine of EMR is set with to talk to this one."""
        return {"endpoint_url": self.endpoint_url, "region": self.account.region}

    def client(self, service: str = "emr") -> Any:
        """A boto3 client of EMR, or of one of the neighbours."""
        return client(service, self.endpoint_url, self.account.region)

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """One request in this process, without HTTP and boto3, checked all the same: for simulations by the thousand.

        Raises Refusal, whose `code` is what boto3's ClientError has, and ConnectionLost for a lost reply.
        """
        return self.account.call(operation, parameters)

    def plan(self, faults: Faults) -> None:
        """From now on these faults instead, counted anew."""
        with self.account.lock:
            self.account.mischief.plan_anew(faults)

    def deliver_logs(self, cluster_id: str) -> None:
        """Deliver what a cluster's logs hold by now, and return when it is in the bucket.

        On EMR nobody can ask for that; a test that reads logs need not wait. Raises KeyError, and RuntimeError in a
        simulation, which has none.
        """
        if self._workshop is None:
            raise RuntimeError("a simulation has no logs: start the double with execute=True.")
        self._workshop.delivery.deliver_now(self.cluster(cluster_id))

    @property
    def delivery_errors(self) -> list[Exception]:
        """What S3 said to logs that it did not take: a bucket that is not there loses them, on EMR too."""
        return [] if self._workshop is None else list(self._workshop.delivery.errors)

    def strike(self, cluster_id: str, fault: ClusterFault) -> None:
        """Let that happen to a cluster now, whatever the fault says of when. Raises KeyError."""
        with self.account.lock:
            self.account.advance()
            self.account.machine.strike(self.cluster(cluster_id), fault)

    def _respond(self, operation: str, body: bytes) -> tuple[int, bytes]:
        try:
            return 200, wire.write(self.account.call(operation, wire.read(body)))
        except Refusal as no:
            return no.status, wire.write(no.body())
        except ConnectionLost:
            raise
        except Exception as bug:  # noqa: BLE001 - it must reach the test, which boto3 would only tell of a lost connection
            self.bugs.append(bug)
            return 500, wire.write(internal(operation).body())

    @property
    def calls(self) -> list[Call]:
        """Every request that arrived, in order."""
        return list(self.account.calls)

    @property
    def submissions(self) -> list[billing.SubmittedCluster]:
        """Every cluster that was asked for, with its steps, in order."""
        with self.account.lock:
            self.account.advance()
            return billing.submitted(self._clusters())

    @property
    def bills(self) -> list[billing.BilledInstance]:
        """Every machine and its time."""
        with self.account.lock:
            self.account.advance()
            return billing.billed(self._clusters())

    def billing_now(self) -> list[billing.BilledInstance]:
        """What is still being billed."""
        return [instance for instance in self.bills if instance.end is None]

    def cost(self, prices: billing.Prices) -> billing.Bill:
        """What all of it costs until now. Raises KeyError for a machine without a price."""
        return billing.bill(self.bills, prices, self.now)

    @property
    def now(self) -> datetime:
        """The double's own time."""
        return self.clock.now()

    def cluster(self, cluster_id: str) -> Cluster:
        """The record of a cluster, forgotten ones too. Raises KeyError."""
        return self.account.machine.clusters[cluster_id]

    def _clusters(self) -> list[Cluster]:
        return list(self.account.machine.clusters.values())

    def close(self) -> None:
        """End everything that runs."""
        self._stopped.set()
        if self._execute:
            self._ticking.join()
        if self._server is not None:
            self._server.close()
        self.account.hands.close()
        if self._workshop is not None:
            self._workshop.close()
        if self._own_neighbours:
            self.neighbours.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> EmrDouble:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        # A wrong answer is a bug of the double, which the test must not take for one of what it tests.
        if error is None and self.bugs:
            raise self.bugs[0]
