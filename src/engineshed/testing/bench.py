"""What the contract suite needs of an engine's author: how to build the engine, and how scripts get to its drivers.

The scripts are tiny, need no Spark, and leave a mark each time they run, so that the suite counts runs by what they did
and not by what the engine says of them.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engineshed.model.job import SparkJob
from engineshed.model.launch import TOKEN_PREFIX, Launch, Token
from engineshed.model.message import Message
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.request import Request, Work
from engineshed.model.resources import Resources
from engineshed.model.staged import Artefact, Staged
from engineshed.model.status import Status
from engineshed.ports.channel import Channel
from engineshed.ports.engine import Engine
from engineshed.ports.prices import InstanceType, Price, PriceBook, PriceUnknown
from engineshed.testing.submitter import build_engine

SMALL = Resources(driver_cores=1, driver_memory_gib=1, executors=0)


class NoPrices:
    """A price book without prices."""

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        """Raises PriceUnknown, always."""
        raise PriceUnknown(f"the book of the contract suite has no price of {item!r}: give the bench a book.")

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        """None."""
        return ()


@dataclass(kw_only=True)
class Bench:
    """One engine on the bench. Subclass it where drivers do not share this machine's files.

    builder: `module:function`, as the engine's entry point names it. folder: empty, for the engine's state, scripts and
    marks. driver: engineshed_driver.py, or None to leave out what needs it. patience_s: longest wait for a script.
    exchange: root of the object store for drivers of other machines, reached by `exchange_access`.
    """

    builder: str
    channel: Channel
    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    driver: Path | None = None
    book: PriceBook = field(default_factory=NoPrices)
    patience_s: float = 180.0
    python: str = sys.executable
    exchange: str = ""
    exchange_access: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """Where the engine keeps its state."""
        return str(self.folder / "home")

    def engine(self) -> Engine:
        """A new engine object, as a process that has just started would build it."""
        return build_engine(
            self.builder, dict(self.settings), self.home, self.python, self.exchange, self.exchange_access
        )

    def token(self, prefix: str = "") -> Token:
        """A token that no run has had."""
        return Token(TOKEN_PREFIX + (prefix + uuid4().hex)[:24])

    def stage(self, source: str) -> Staged:
        """The script at a URI that the engine's drivers can read."""
        digest = hashlib.sha256(source.encode()).hexdigest()
        root = self.folder / "staged" / digest
        root.mkdir(parents=True, exist_ok=True)
        script = root / "script.py"
        script.write_text(source, encoding="utf-8")
        driver = self.driver or script
        return Staged(
            root=str(root),
            digest=digest,
            script=Artefact(script.name, digest, str(script)),
            driver=Artefact(driver.name, hashlib.sha256(driver.read_bytes()).hexdigest(), str(driver)),
        )

    def prelude(self, token: Token) -> str:
        """Python source that leaves one mark of the token wherever `runs_of` looks for it."""
        return (
            "import os, sys, time\n"
            f"_fd = os.open({str(self._marks(token))!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
            "os.write(_fd, b'ran\\n')\n"
            "os.close(_fd)\n"
        )

    def runs_of(self, token: Token) -> int:
        """How many times a script of the token has begun."""
        marks = self._marks(token)
        return len(marks.read_text(encoding="ascii").splitlines()) if marks.exists() else 0

    def work(
        self,
        source: str = "",
        *,
        token: Token | None = None,
        timeout_s: float | None = None,
        extras: Mapping[str, Any] | None = None,
    ) -> Work:
        """A Work whose script leaves its mark and then does what `source` says."""
        token = token or self.token()
        staged = self.stage(self.prelude(token) + source)
        job = SparkJob(name="contract", script=staged.script.uri, timeout_s=timeout_s, resources=SMALL)
        return Work(
            job=job,
            offer=self.offer(job),
            token=token,
            wiring=self.channel.prepare(token, pipes_context(extras or {})),
            staged=staged,
            tags={"engineshed/token": str(token)},
        )

    def offer(self, job: SparkJob) -> Offer:
        """The engine's first offer; without one the test is skipped with the engine's reasons."""
        answers = self.engine().offers(job, self.book)
        for answer in answers:
            if isinstance(answer, Offer):
                return answer
        pytest.skip("; ".join(answer.reason for answer in answers if isinstance(answer, Rejection)))

    def submit_elsewhere(self, request: Request) -> subprocess.Popen[str]:
        """A process, leader of its own group, that has submitted the request and now waits to be killed."""
        launcher = self.start_submitter(request)
        assert launcher.stdout is not None
        assert launcher.stdout.readline().strip(), "the submitting process died"
        return launcher

    def start_submitter(self, request: Request) -> subprocess.Popen[str]:
        """A process, leader of its own group, that is about to submit the request; it waits until its input ends."""
        launcher = subprocess.Popen(
            [sys.executable, "-m", "engineshed.testing.submitter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        order = {
            "builder": self.builder,
            "settings": dict(self.settings),
            "home": self.home,
            "python": self.python,
            "exchange": self.exchange,
            "exchange_access": dict(self.exchange_access),
            "request": json.loads(request.canonical()),
        }
        assert launcher.stdin is not None
        launcher.stdin.write(json.dumps(order) + "\n")
        launcher.stdin.flush()
        return launcher

    def wait_until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until it holds; fails saying `what` did not come about."""
        until = time.monotonic() + self.patience_s
        while not holds():
            if time.monotonic() > until:
                pytest.fail(f"{what}: not within {self.patience_s:g} s")
            time.sleep(0.02)

    def final(self, engine: Engine, launch: Launch) -> Status:
        """The run's final status, waited for."""
        seen: list[Status] = []

        def ended() -> bool:
            seen.append(engine.status(launch))
            return seen[-1].state.final

        self.wait_until(ended, f"the end of run {launch.token}")
        return seen[-1]

    def messages(self, work: Work) -> Sequence[Message]:
        """All messages up to the writer's `closed`."""
        reader = self.channel.reader(work.wiring.address)
        got: list[Message] = []
        cursor = ""

        def closed() -> bool:
            nonlocal cursor
            batch = reader.poll(cursor)
            cursor = batch.cursor
            got.extend(batch.messages)
            return batch.closed

        self.wait_until(closed, f"the last message of run {work.token}")
        return got

    def _marks(self, token: Token) -> Path:
        return self.folder / f"marks-{token}"


def pipes_context(extras: Mapping[str, Any]) -> dict[str, Any]:
    """A Pipes context of an asset without partitions, as plain JSON."""
    return {
        "asset_keys": ["contract"],
        "code_version_by_asset_key": {"contract": None},
        "provenance_by_asset_key": {"contract": None},
        "partition_key": None,
        "partition_key_range": None,
        "partition_time_window": None,
        "run_id": "contract",
        "job_name": None,
        "retry_number": 0,
        "extras": dict(extras),
    }
