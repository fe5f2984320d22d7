"""The folder of one run: the only thing that launcher, supervisor and watchers share.

    request.json     what to run; written once, before anything is started; its time of change is the time of submit
    supervisor.lock  held by the supervisor for its life, touched by it every few seconds: its last sign of life
    started.json     written before the driver is started, so that a run whose supervisor dies is never started twice
    exit.json        how it ended; written once, whole
    cancel           its presence asks for the end
    stdout.log, stderr.log, supervisor.log
    work/, scratch/  the driver's working directory; what Spark spills (deleted at the end)

Refuses to guess liveness from process ids, which are reused; a lock is free exactly when its holder is dead.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600


class Cause(StrEnum):
    """What ended a run. TERMINATED: something told the supervisor to end, without a cancel asked of us."""

    EXITED = "exited"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    TERMINATED = "terminated"
    CANNOT_START = "cannot_start"
    SUPERVISOR_DIED = "supervisor_died"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """`started_at` is UTC, just before the driver was started; `supervisor_pid` is for people."""

    started_at: datetime
    supervisor_pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a run ended. `exit_code` is None when a signal ended it or it never started.

    cpu_s: of the driver and all its descendants. max_rss_bytes: of the largest single process among them.
    oom_kills: processes that the kernel killed for want of memory in our control group meanwhile.
    error: why the driver could not be started.
    """

    cause: Cause
    ended_at: datetime
    started_at: datetime | None = None
    exit_code: int | None = None
    signal: int | None = None
    cpu_s: float | None = None
    max_rss_bytes: int | None = None
    oom_kills: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Reads and writes one run's folder. Every file appears whole or not at all."""

    path: Path

    @property
    def work(self) -> Path:
        """The driver's working directory."""
        return self.path / "work"

    @property
    def scratch(self) -> Path:
        """What only the run itself needs; deleted when it ends."""
        return self.path / "scratch"

    @property
    def stdout(self) -> Path:
        """The driver's standard output."""
        return self.path / "stdout.log"

    @property
    def stderr(self) -> Path:
        """The driver's standard error."""
        return self.path / "stderr.log"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor itself has to say: empty unless it broke."""
        return self.path / "supervisor.log"

    def create(self) -> None:
        """Make the folder, for its owner alone."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=PRIVATE_DIR, exist_ok=True)

    def put_request(self, text: str, submitted_at: datetime) -> bool:
        """Write the request unless there is one; True for the one caller that wrote it."""
        draft = self._draft("request.json", text)
        stamp = submitted_at.timestamp()
        os.utime(draft, (stamp, stamp))
        try:
            os.link(draft, self.path / "request.json")
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def request_text(self) -> str | None:
        """The request as it was written; None when the folder or the file is not there."""
        try:
            return (self.path / "request.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def request(self) -> Mapping[str, Any]:
        """The request's JSON object. Raises FileNotFoundError."""
        loaded: Mapping[str, Any] = json.loads((self.path / "request.json").read_text(encoding="utf-8"))
        return loaded

    def submitted_at(self) -> datetime:
        """When the request was written, UTC. Raises FileNotFoundError."""
        return datetime.fromtimestamp((self.path / "request.json").stat().st_mtime, UTC)

    def put_start(self, start: Start) -> None:
        """Say that the driver is about to be started."""
        self._put("started.json", asdict(start))

    def start(self) -> Start | None:
        """The start, or None."""
        plain = self._get("started.json")
        if plain is None:
            return None
        return Start(started_at=datetime.fromisoformat(plain["started_at"]), supervisor_pid=plain["supervisor_pid"])

    def put_exit(self, end: Exit) -> None:
        """Say how it ended."""
        self._put("exit.json", asdict(end))

    def exit(self) -> Exit | None:
        """The end, or None."""
        plain = self._get("exit.json")
        if plain is None:
            return None
        began = plain.pop("started_at")
        return Exit(
            cause=Cause(plain.pop("cause")),
            ended_at=datetime.fromisoformat(plain.pop("ended_at")),
            started_at=datetime.fromisoformat(began) if began else None,
            **plain,
        )

    def ask_cancel(self) -> None:
        """Leave the mark that asks for the end. No error when it is there already or the folder is gone."""
        try:
            (self.path / "cancel").touch(mode=PRIVATE_FILE)
        except FileNotFoundError:
            return

    def cancel_asked(self) -> bool:
        """Whether the end was asked for."""
        return (self.path / "cancel").exists()

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Take the supervisor's lock for the block, without waiting; yields whether it was free."""
        fd = os.open(self._lock, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            yield _locks(fd, fcntl.LOCK_EX)
        finally:
            os.close(fd)

    def held(self) -> bool:
        """Whether a supervisor lives."""
        try:
            fd = os.open(self._lock, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not _locks(fd, fcntl.LOCK_SH)
        finally:
            os.close(fd)

    def touch(self) -> None:
        """Leave a sign of life."""
        os.utime(self._lock)

    def last_sign_of_life(self) -> datetime:
        """When the supervisor last touched its lock, UTC. Raises FileNotFoundError."""
        return datetime.fromtimestamp(self._lock.stat().st_mtime, UTC)

    @property
    def _lock(self) -> Path:
        return self.path / "supervisor.lock"

    def _put(self, name: str, plain: Mapping[str, Any]) -> None:
        draft = self._draft(name, json.dumps(plain, default=_plain) + "\n")
        draft.replace(self.path / name)

    def _draft(self, name: str, text: str) -> Path:
        draft = self.path / f".{name}.{os.getpid()}.{os.urandom(4).hex()}"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(fd)
        return draft

    def _get(self, name: str) -> dict[str, Any] | None:
        try:
            loaded: dict[str, Any] = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return loaded


def _locks(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in a run's record.")
