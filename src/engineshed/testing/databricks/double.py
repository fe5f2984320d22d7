"""The double as a team starts it: a workspace on a port of this machine."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from engineshed.ports.clock import Clock
from engineshed.running.system_clock import SystemClock
from engineshed.testing.clock import VirtualClock
from engineshed.testing.databricks.answering import Answering
from engineshed.testing.databricks.faults import Faults, Mischief
from engineshed.testing.databricks.pace import Pace
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.scripted import Script, ScriptedDriver, Scripts
from engineshed.testing.databricks.serving import Server
from engineshed.testing.databricks.tokens import Tokens

TOKEN = "dapi-double"
TICK_S = 0.02


class DatabricksDouble:
    """A Databricks workspace over HTTP. See the package for how to start one.

    execute: tasks run for real, in real time with the delays of `pace` times `time_scale`; otherwise time is `clock`,
    which only sleeps move, and tasks do what `scripts` say. folder: where the workspace's files are kept; a scratch
    folder when not given.
    """

    def __init__(
        self,
        *,
        execute: bool = False,
        time_scale: float = 0.01,
        pace: Pace | None = None,
        faults: Faults | None = None,
        scripts: Scripts | Script | None = None,
        clock: Clock | None = None,
        folder: Path | None = None,
        page_size: int = 20,
    ) -> None:
        self._scratch = None if folder else Path(tempfile.mkdtemp(prefix="databricks-"))
        self._execute = execute
        self.clock: Clock = clock or (SystemClock() if execute else VirtualClock())
        plan = scripts or Script()
        self.platform = Platform(
            clock=self.clock,
            root=folder or self._scratch or Path(),
            pace=(pace or Pace()).scaled(time_scale if execute else 1.0),
            make_driver=lambda agenda: ScriptedDriver(agenda, plan if callable(plan) else lambda task: plan),
            tokens=Tokens(TOKEN),
            page_size=page_size,
            faults=faults or Faults(),
        )
        self.answering = Answering(self.platform)
        self._server: Server | None = None
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        self._server = Server(self.answering.respond)
        self.platform.url = self._server.url
        if self._execute:
            threading.Thread(target=self._tick, name="databricks-tick", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopped.set()
        if self._server is not None:
            self._server.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
        if exception == (None, None, None):
            self.answering.raise_mistakes()

    def _tick(self) -> None:
        while not self._stopped.wait(TICK_S):
            self.platform.advance()

    @property
    def host(self) -> str:
        """For `WorkspaceClient(host=...)`."""
        return self.platform.url

    @property
    def token(self) -> str:
        """For `WorkspaceClient(token=...)`."""
        return TOKEN

    def settings(self) -> Mapping[str, Any]:
        """What `engineshed.engines.databricks` is set with: host and token."""
        return {"host": self.host, "token": self.token}

    def now(self) -> datetime:
        """The workspace's time."""
        return self.clock.now()

    def plan(self, faults: Faults) -> None:
        """Another plan of faults from now on."""
        with self.platform.lock:
            self.platform.mischief = Mischief(faults)

    def make_volume(self, path: str) -> Path:
        """A volume `/Volumes/<catalog>/<schema>/<volume>`, and the folder behind it."""
        self.platform.storage.make_volume(path)
        return self.platform.storage.local(path)
