"""The double as a team starts it: a workspace on a port of this machine."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from engineshed.ports.clock import Clock
from engineshed.running.system_clock import SystemClock
from engineshed.testing.clock import VirtualClock
from engineshed.testing.databricks.answering import Answering, Asked
from engineshed.testing.databricks.bookkeeping import Books
from engineshed.testing.databricks.executing.driver import ExecutingDriver
from engineshed.testing.databricks.executing.surroundings import House
from engineshed.testing.databricks.faults import Faults, Mischief
from engineshed.testing.databricks.limits import Limits
from engineshed.testing.databricks.machines import Machines
from engineshed.testing.databricks.pace import Pace
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.records import Driver, TaskRun
from engineshed.testing.databricks.scripted import Script, ScriptedDriver, Scripts
from engineshed.testing.databricks.serving import Server
from engineshed.testing.databricks.submissions import check_cluster
from engineshed.testing.databricks.tokens import Tokens
from engineshed.testing.namespaces import require_namespaces

TOKEN = "dapi-double"
TICK_S = 0.02


class DatabricksDouble:
    """A Databricks workspace over HTTP. See the package for how to start one.

    execute: tasks run for real on `machines`, in real time, with the delays of `pace` times `time_scale`. Otherwise
    time is `clock`, which moves when somebody sleeps, and tasks do what `scripts` say: one script for all, or a
    function of the task. folder: where the workspace's files are kept; a scratch folder when not given.

    `books` is the ledger of what was submitted and held; `asked` is every request with the status of its answer.
    """

    def __init__(
        self,
        *,
        execute: bool = False,
        time_scale: float = 0.01,
        pace: Pace | None = None,
        faults: Faults | None = None,
        scripts: Scripts | Script | None = None,
        machines: Machines | None = None,
        clock: Clock | None = None,
        folder: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._scratch = None if folder else Path(tempfile.mkdtemp(prefix="databricks-"))
        self._folder = folder or self._scratch or Path()
        self._execute, self._scripts, self._machines = execute, scripts or Script(), machines or Machines()
        self._pace = (pace or Pace()).scaled(time_scale if execute else 1.0)
        self._limits = limits or Limits()
        self.clock: Clock = clock or (SystemClock() if execute else VirtualClock())
        self._server: Server | None = None
        self._stopped = threading.Event()
        self._ticking: threading.Thread | None = None
        self._open(faults or Faults())

    def _open(self, faults: Faults) -> None:
        self.platform = Platform(
            clock=self.clock,
            root=self._folder,
            pace=self._pace,
            make_driver=self._executing if self._execute else self._scripted,
            tokens=Tokens(TOKEN),
            objects=self._machines.objects,
            limits=self._limits,
            faults=faults,
            url=self._server.url if self._server else "",
        )
        self.answering = Answering(self.platform, ticked=self._execute)
        self.books = Books(self.platform, self._advance)

    def renew(self, faults: Faults | None = None, scripts: Scripts | Script | None = None) -> None:
        """A new workspace at the same address, for the next seed of a simulation; its files stay."""
        if self._execute:
            raise RuntimeError("a workspace whose tasks execute cannot be renewed: start another DatabricksDouble.")
        self.answering.raise_mistakes()
        self._scripts = scripts or self._scripts
        self._open(faults or Faults())

    def _executing(self, platform: Platform) -> Driver:
        house = House(platform.storage, self._machines)
        require_namespaces(platform.root)
        return ExecutingDriver(house, platform.logs)

    def _scripted(self, platform: Platform) -> Driver:
        given = self._scripts
        return ScriptedDriver(platform.agenda, given if callable(given) else lambda task: given, platform.logs)

    def __enter__(self) -> Self:
        self._server = Server(lambda call: self.answering.respond(call))
        self.platform.url = self._server.url
        if self._execute:
            self._ticking = threading.Thread(target=self._tick, name="databricks-tick", daemon=True)
            self._ticking.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        if self._ticking is not None:
            self._ticking.join()
        if self._server is not None:
            self._server.close()
        self.platform.driver.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        if exception == (None, None, None):
            self.answering.raise_mistakes()

    def _tick(self) -> None:
        # Drivers die with the thread that started them, so it is always this one that starts them.
        while not self._stopped.wait(TICK_S):
            self.answering.tick()

    @property
    def host(self) -> str:
        """For `WorkspaceClient(host=...)`."""
        return self.platform.url

    @property
    def token(self) -> str:
        """For `WorkspaceClient(token=...)`."""
        return TOKEN

    @property
    def asked(self) -> Sequence[Asked]:
        """Every request so far."""
        return tuple(self.answering.asked)

    def settings(self) -> Mapping[str, Any]:
        """What `engineshed.engines.databricks` is set with: host and token."""
        return {"host": self.host, "token": self.token}

    def _advance(self) -> None:
        # Where tasks execute the tick does it, and nobody else: see `_tick`.
        if not self._execute:
            self.platform.advance()

    def plan(self, faults: Faults) -> None:
        """Another plan of faults from now on."""
        with self.platform.lock:
            self.platform.mischief = Mischief(faults)

    def add_cluster(self, **spec: Any) -> str:
        """A person's cluster with that `ClusterSpec`, which starts now; its id, for `existing_cluster_id`."""
        platform = self.platform
        self._advance()
        with platform.lock:
            check_cluster(platform, spec)
            name = str(spec.pop("cluster_name", "shared"))
            return platform.fleet.create(spec, name, "UI", {}).cluster_id

    def add_pool(self, pool_id: str, **pool: Any) -> None:
        """An instance pool, with fields of `GetInstancePool`."""
        self.platform.pools[pool_id] = pool

    def add_policy(self, policy_id: str, definition: Mapping[str, Any], name: str = "") -> None:
        """A cluster policy."""
        self.platform.policies[policy_id] = {"name": name or policy_id, "definition": json.dumps(definition)}

    def add_principal(self, client_id: str, client_secret: str) -> None:
        """A service principal that may log in by OAuth."""
        self.platform.principals[client_id] = client_secret

    def limit(self, limits: Limits) -> None:
        """Other limits from now on."""
        self.platform.limits = limits

    def say(self, task: TaskRun, text: str, stream: str = "stdout") -> None:
        """Let the driver of a scripted task write to its log: for the deeds of a Script."""
        self.platform.logs.write(task, stream, text.encode())

    def local(self, path: str) -> Path:
        """The path of this machine behind one of `/Volumes`, `/dbfs` and `/Workspace`."""
        return self.platform.storage.local(path)

    def make_volume(self, path: str) -> Path:
        """A volume `/Volumes/<catalog>/<schema>/<volume>`, and the folder behind it."""
        self.platform.storage.make_volume(path)
        return self.local(path)
