"""Real driver processes with hand-made launches: what an engine does, without an engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engineshed.channels.files import FileChannel
from engineshed.model.launch import Token
from engineshed.model.message import PROGRESS_KEY, REPORT_KEY, SEAL_KEY, Message
from engineshed.model.partition import partition_dir
from engineshed.testing.channel_contract import CONTEXT

DRIVER = Path(__file__).parents[3] / "spark" / "driver"
TOKEN = Token("es-0123456789abcdef01234567")
PATIENCE_S = 120.0

SESSIONS: Mapping[str, Mapping[str, Any]] = {
    "sail": {"kind": "sail"},
    "classic": {"kind": "classic", "master": "local[2]", "conf": {"spark.sql.shuffle.partitions": "2"}},
    "connect": {"kind": "connect", "remote": "local[2]"},
}


class Driver:
    """One driver process on its way."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._reader = FileChannel(folder / "channels").reader(str(folder / "channels" / TOKEN))

    def messages(self) -> tuple[Message, ...]:
        """All that was said so far."""
        return self._reader.poll("").messages

    def until_said(self, text: str) -> None:
        """Wait for a log line."""
        end = time.monotonic() + PATIENCE_S
        while not any(message.params.get("message") == text for message in self.messages()):
            assert self._process.poll() is None, f"ended before it said {text!r}: {self._error()}"
            assert time.monotonic() < end, f"did not say {text!r}: {self._error()}"
            time.sleep(0.05)

    def terminate(self) -> None:
        """SIGTERM to the driver alone."""
        self._process.send_signal(signal.SIGTERM)

    def children(self) -> list[int]:
        """The processes that it has started and that live."""
        return [
            int(pid) for pid in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        ]

    def ended(self, within_s: float = PATIENCE_S) -> Ended:
        """Wait for its end."""
        try:
            code = self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"did not end within {within_s:g} s: {self._error()}") from None
        return Ended(code, self.messages(), self._error(), (self._folder / "stdout").read_text())

    def _error(self) -> str:
        return (self._folder / "stderr").read_text()


@dataclass(frozen=True)
class Ended:
    """A driver that has ended."""

    code: int
    messages: tuple[Message, ...]
    stderr: str
    stdout: str

    def custom(self, key: str) -> list[Any]:
        """The custom messages with that key."""
        custom = [m.params["payload"] for m in self.messages if m.method == "report_custom_message"]
        return [payload[key] for payload in custom if key in payload]

    @property
    def progress(self) -> list[dict[str, Any]]:
        return self.custom(PROGRESS_KEY)

    @property
    def report(self) -> list[dict[str, Any]]:
        return self.custom(REPORT_KEY)

    @property
    def seals(self) -> list[dict[str, Any]]:
        """What each seal says of the tables; which versions made them is always there too."""
        seals = self.custom(SEAL_KEY)
        assert all({"python", "spark", "pyspark"} <= set(seal["runtime"]) for seal in seals)
        return [{name: said for name, said in seal.items() if name != "runtime"} for seal in seals]

    @property
    def exception(self) -> Mapping[str, Any] | None:
        """What `closed` carried; fails when it was not said last."""
        assert self.messages[-1].method == "closed", self.stderr
        exception: Mapping[str, Any] | None = self.messages[-1].params.get("exception")
        return exception


class Launcher:
    """Starts scripts as drivers, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def out(self, key: str = "") -> Path:
        """Where a partition key's tables go."""
        return self.folder / "out" / partition_dir(key or None)

    def start(
        self,
        body: str,
        session: Mapping[str, Any],
        *,
        keys: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        **launch: Any,
    ) -> Driver:
        """Start `body`, which has `job`, as the script of a launch."""
        script = (
            "import os, sys, time\nimport engineshed_driver\nimport beside\n"
            "with engineshed_driver.open_job('test', heartbeat_s=0.1) as job:\n"
        ) + "".join(f"    {line}\n" for line in body.splitlines())
        extras = {
            "token": TOKEN,
            "mode": "sample",
            "tables": ["pages", "links"],
            "partition": {"keys": list(keys), "by_key": {key: {"crawl": key} for key in keys}},
            "outputs": {key: self.out(key).as_uri() for key in keys or ("",)},
            **launch,
        }
        wiring = FileChannel(self.folder / "channels").prepare(TOKEN, {**CONTEXT, "extras": {"engineshed": extras}})
        return self.run(script, [], {**wiring.env, **(env or {}), "ENGINESHED_SESSION": json.dumps(session)})

    def run(self, script: str, arguments: list[str], env: Mapping[str, str]) -> Driver:
        """Start a whole script."""
        scripts = self.folder / "scripts"
        scripts.mkdir()
        (scripts / "script.py").write_text(script)
        (scripts / "beside.py").write_text("def all_of(batches):\n    yield from batches\n")
        with (self.folder / "stdout").open("wb") as out, (self.folder / "stderr").open("wb") as error:
            process = subprocess.Popen(
                [sys.executable, str(scripts / "script.py"), *arguments],
                env={**os.environ, "PYTHONPATH": str(DRIVER), **env},
                stdout=out,
                stderr=error,
                cwd=self.folder,
            )
        self._started.append(process)
        return Driver(process, self.folder)

    def end(self) -> None:
        """Leave nothing running."""
        for process in self._started:
            process.kill()
            process.wait()
