"""The supervisor of one run: `python -m engineshed.processes.supervisor FOLDER`.

It exists so that a run outlives whoever launched it and yet leaves its exit state behind. It starts the driver at most
once, whatever dies; takes the driver and all its descendants down with it; and refuses to run beside another supervisor
of the same folder. Standard library only: it is up in some 50 ms.

Its standard output is a pipe to the launcher, closed as soon as there is something to see in the folder.
"""

from __future__ import annotations

import os
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from engineshed.processes import kernel, leftovers
from engineshed.processes.folder import PRIVATE_DIR, PRIVATE_FILE, Cause, Exit, RunFolder, Start
from engineshed.processes.output import Pump

_TICK_S = 0.2
_SIGN_OF_LIFE_S = 5.0
_LOCK_PATIENCE_S = 2.0


def main(path: str) -> None:
    """Detach, take the lock, run the driver unless it ran before, leave the exit state."""
    if os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    folder = RunFolder(Path(path))
    _redirect(2, folder.supervisor_log)
    with _lock(folder) as ours:
        if ours and folder.exit() is None:
            folder.put_exit(_supervise(folder))


@contextmanager
def _lock(folder: RunFolder) -> Iterator[bool]:
    # Watchers hold a shared lock for an instant when they look; only a lock that stays taken is another supervisor's.
    until = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        with folder.hold() as ours:
            if ours or folder.start() or folder.exit() or time.monotonic() > until:
                yield ours
                return
        time.sleep(0.02)


def _supervise(folder: RunFolder) -> Exit:
    died = folder.start()
    if died:
        leftovers.end_all(folder.path.name)
        ended_at = folder.last_sign_of_life()
        return Exit(cause=Cause.SUPERVISOR_DIED, started_at=died.started_at, ended_at=ended_at)
    if folder.cancel_asked():
        return Exit(cause=Cause.CANCELLED, ended_at=_now())
    started_at = _now()
    folder.put_start(Start(started_at=started_at, supervisor_pid=os.getpid()))
    _redirect(1, folder.supervisor_log)
    kernel.adopt_orphans()
    oom_kills = kernel.oom_kills()
    run = _Run(folder)
    try:
        with _wakened() as (wakeup, told_to_end):
            try:
                run.start()
            except OSError as error:
                reason = f"{type(error).__name__}: {error}"
                return Exit(cause=Cause.CANNOT_START, started_at=started_at, ended_at=_now(), error=reason)
            cause = run.watch(wakeup, told_to_end)
    finally:
        shutil.rmtree(folder.scratch, ignore_errors=True)
    return _exit_of(run.wait_status, cause, started_at, kernel.oom_kills() - oom_kills)


class _Run:
    """The driver, from its start until nothing of it is left."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._token = folder.path.name
        self._body: Mapping[str, Any] = folder.request()["body"]
        self._driver_pid = 0
        self._pumps: list[Pump] = []
        self._gone = False
        self.wait_status = 0

    def start(self) -> None:
        """Start the driver in a session of its own. Raises OSError when that cannot be done."""
        self._folder.work.mkdir(exist_ok=True)
        self._folder.scratch.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        # The driver inherits what its launcher had (credentials, PATH), strays left out; what was rendered wins.
        inherited = {name: value for name, value in os.environ.items() if name not in self._body["unset"]}
        driver = subprocess.Popen(
            self._body["argv"],
            env={**inherited, **self._body["env"], leftovers.MARK: self._token},
            cwd=self._body["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # Single-threaded here, so the child may run Python between fork and exec.
            preexec_fn=kernel.dying_with_parent(),
        )
        self._driver_pid = driver.pid
        # Every child is reaped in `_reap`, adopted ones too; Popen must not wait for this one behind our back.
        driver.returncode = 0
        limit_bytes = int(self._body["log_limit_bytes"])
        self._pumps = [
            Pump(cast(BinaryIO, driver.stdout), self._folder.stdout, limit_bytes=limit_bytes),
            Pump(cast(BinaryIO, driver.stderr), self._folder.stderr, limit_bytes=limit_bytes),
        ]

    def watch(self, wakeup: socket.socket, told_to_end: list[int]) -> Cause:
        """Wait for the end, or bring it about; returns its cause when nothing of the run is left."""
        with selectors.DefaultSelector() as selector:
            selector.register(wakeup, selectors.EVENT_READ)
            for pump in self._pumps:
                selector.register(pump, selectors.EVENT_READ, pump)
            cause = self._until_the_end(selector, told_to_end)
            self._end_rest(selector)
        for pump in self._pumps:
            pump.close()
        return cause

    def _until_the_end(self, selector: selectors.BaseSelector, told_to_end: list[int]) -> Cause:
        timeout_s = self._body["timeout_s"]
        deadline = None if timeout_s is None else time.monotonic() + float(timeout_s)
        life = 0.0
        while True:
            self._move(selector)
            self._reap()
            if self._gone:
                return Cause.EXITED
            if self._folder.cancel_asked():
                return Cause.CANCELLED
            if told_to_end:
                return Cause.TERMINATED
            if deadline is not None and time.monotonic() >= deadline:
                return Cause.TIMEOUT
            if time.monotonic() - life >= _SIGN_OF_LIFE_S:
                life = time.monotonic()
                self._folder.touch()

    def _end_rest(self, selector: selectors.BaseSelector) -> None:
        """SIGTERM to all that is left, and SIGKILL after the grace; returns when nothing is."""
        self._signal(signal.SIGTERM)
        kill_at = time.monotonic() + float(self._body["grace_s"])
        while self._reap():
            if time.monotonic() >= kill_at:
                self._signal(signal.SIGKILL)
            self._move(selector)

    def _signal(self, number: signal.Signals) -> None:
        # Gone; macOS says EPERM of a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._driver_pid, number)
        leftovers.send(leftovers.carrying(self._token), number)

    def _reap(self) -> bool:
        """Take in what has ended; True while there are children."""
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._gone = True
                return False
            if pid == 0:
                return True
            if pid == self._driver_pid:
                self._gone = True
                self.wait_status = wait_status

    @staticmethod
    def _move(selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select(_TICK_S):
            if key.data is None:
                cast(socket.socket, key.fileobj).recv(4096)
            elif cast(Pump, key.data).move() is False:
                selector.unregister(key.fileobj)


def _exit_of(wait_status: int, cause: Cause, started_at: datetime, oom_kills: int) -> Exit:
    code = os.waitstatus_to_exitcode(wait_status)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Exit(
        cause=cause,
        started_at=started_at,
        ended_at=_now(),
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        cpu_s=round(used.ru_utime + used.ru_stime, 3),
        max_rss_bytes=kernel.max_rss_bytes(used.ru_maxrss),
        oom_kills=oom_kills,
    )


@contextmanager
def _wakened() -> Iterator[tuple[socket.socket, list[int]]]:
    """A socket that becomes readable with every signal, and the list of those that ask us to end.

    Handlers, not SIG_IGN: what is ignored here would be ignored by the driver too.
    """
    asked: list[int] = []
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda number, _: None)
        yield reading, asked
        signal.set_wakeup_fd(-1)


def _redirect(fd: int, path: Path) -> None:
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    os.dup2(target, fd)
    os.close(target)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main(sys.argv[1])
