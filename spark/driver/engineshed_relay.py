"""Process 1 of a driver's container: fetches what was staged, runs the script, and ships what it says.

    python -m engineshed_relay

A script on another machine speaks Dagster Pipes to a file, as it does here. The relay carries the file's whole lines
away as numbered objects, so that the script needs neither network nor credentials to be heard, and what it said last
is heard although it was killed. While the store is away the relay keeps trying and drops nothing.

The script is its child, or, where the platform's session lives in this very process (Databricks), runs within it.

It needs the standard library, and boto3 where an address is s3://. It refuses staged files whose bytes are not those
that were staged. docs/messages.md says what it reads, writes and answers.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import hashlib
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import Any, Protocol, TypeVar

CHANNEL_VARIABLE = "ENGINESHED_CHANNEL"
LAUNCH_VARIABLE = "ENGINESHED_RELAY"
SCRATCH_VARIABLE = "ENGINESHED_SCRATCH"
MODULES_VARIABLE = "ENGINESHED_MODULES"
CHANNEL_ARGUMENT, LAUNCH_ARGUMENT = "--engineshed-channel", "--engineshed-launch"
"""Both as arguments, for platforms that pass no variables; the launch may also be given by its address."""
SCRIPT_ARGUMENT = "--engineshed-script"
"""Before the script and its arguments: this process is the relay's child and becomes that script."""

SCRATCH = "/scratch"
LOOK_S = 0.1
"""Between two looks for new lines; after lines were sent it is three times as long, since each sending is billed."""
LONGEST_WAIT_S = 5.0
"""Between two tries of a store that is away."""
FETCH_S = 300.0
"""How long the store may be away before the script was started."""
REST_S = 600.0
"""How long the store may be away after the script has ended."""
CHUNK_BYTES = 4 * 2**20
END = "end.json"

WRONG_SETTINGS, WRONG_BYTES, NO_STORE = 64, 65, 69
"""The relay's own exit codes, as in sysexits.h: usage, dataerr, unavailable."""

_UNFINISHED = ".engineshed-store-"
_PR_SET_PDEATHSIG = 1
_Result = TypeVar("_Result")


class Refused(Exception):
    """The script cannot be started; `code` is what the relay exits with."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Away(Exception):
    """The store did not do what it was asked; the text says why. Asking again may help."""


def complain(text: str) -> None:
    """To the container's log."""
    print(f"engineshed_relay: {text}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------------------------------
# Stores


class Store(Protocol):
    """Objects by full address."""

    def get(self, address: str) -> bytes:
        """The whole object. Raises Away, also when it is not there."""
        ...

    def put(self, address: str, data: bytes, *, if_absent: bool = False) -> bool:
        """Write it; False where it was to be absent and is not. Raises Away."""
        ...

    def names(self, prefix: str) -> list[str]:
        """What lies below the prefix, without it. Raises Away."""
        ...


class Folder:
    """Absolute paths and file:// addresses."""

    def get(self, address: str) -> bytes:
        """See Store."""
        with _as_away(OSError):
            return _path(address).read_bytes()

    def put(self, address: str, data: bytes, *, if_absent: bool = False) -> bool:
        """See Store. Written beside its place, so that nobody reads a part of it."""
        path = _path(address)
        part = path.with_name(f"{_UNFINISHED}{uuid.uuid4().hex}")
        with _as_away(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(data)
                if not if_absent:
                    part.replace(path)
                    return True
                with contextlib.suppress(FileExistsError):
                    os.link(part, path)
                    return True
                return False
            finally:
                part.unlink(missing_ok=True)

    def names(self, prefix: str) -> list[str]:
        """See Store."""
        with _as_away(OSError):
            folder = _path(prefix)
            return [p.name for p in folder.iterdir() if not p.name.startswith(_UNFINISHED)] if folder.is_dir() else []


class Volume(Folder):
    """Paths in volumes of Unity Catalog, which the platform mounts.

    There are neither links nor renames that are whole or nothing, and a write is seen at its end. Only this relay
    writes below its address, so what is there and is the beginning of what it writes is its own write that broke off.
    """

    def put(self, address: str, data: bytes, *, if_absent: bool = False) -> bool:
        """See Store."""
        path = _path(address)
        with _as_away(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("xb" if if_absent else "wb") as file:
                    file.write(data)
            except FileExistsError:
                there = path.read_bytes()
                if there == data or not data.startswith(there):
                    return False
                with path.open("wb") as file:
                    file.write(data)
            return True


class Bucket:
    """s3:// addresses, with boto3's own chain of credentials."""

    def __init__(self, access: Mapping[str, str]) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        self._errors = (BotoCoreError, ClientError)
        self._taken = ClientError
        endpoint, region = access.get("endpoint_url"), access.get("region")
        config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 2},
            s3={"addressing_style": "path"} if endpoint else {},
        )
        self._client: Any = boto3.client("s3", endpoint_url=endpoint, region_name=region, config=config)

    def get(self, address: str) -> bytes:
        """See Store."""
        with _as_away(*self._errors):
            body: bytes = self._client.get_object(**_bucket_and_key(address))["Body"].read()
            return body

    def put(self, address: str, data: bytes, *, if_absent: bool = False) -> bool:
        """See Store."""
        with _as_away(*self._errors):
            condition = {"IfNoneMatch": "*"} if if_absent else {}
            try:
                self._client.put_object(**_bucket_and_key(address), Body=data, **condition)
            except self._taken as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 412:
                    raise
                return False
            return True

    def names(self, prefix: str) -> list[str]:
        """See Store."""
        with _as_away(*self._errors):
            at = _bucket_and_key(prefix)
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=at["Bucket"], Prefix=at["Key"])
            return [found["Key"].removeprefix(at["Key"]) for page in pages for found in page.get("Contents", ())]


def store_of(address: str, access: Mapping[str, str]) -> Store:
    """The store that holds the address. Raises Refused for one of another kind, or without boto3."""
    scheme, separator, _ = address.partition("://")
    if address.startswith("/Volumes/"):
        return Volume()
    if not separator or scheme == "file":
        return Folder()
    if scheme != "s3":
        raise Refused(f"{address} is no place for objects: give s3://BUCKET/KEY or a path.", WRONG_SETTINGS)
    try:
        return Bucket(access)
    except ImportError:
        raise Refused(f"{address} needs boto3 in this image: install it there.", WRONG_SETTINGS) from None


def _path(address: str) -> Path:
    return Path(address.removeprefix("file://"))


def _bucket_and_key(address: str) -> dict[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


@contextlib.contextmanager
def _as_away(*errors: type[BaseException]) -> Any:
    try:
        yield
    except errors as error:
        raise Away(f"{type(error).__name__}: {error}") from error


# ---------------------------------------------------------------------------------------------------------------------
# What is asked


@dataclass(frozen=True)
class Channel:
    """Where the context lies and where messages go. `context` is its address, or itself where messages go to stdout."""

    kind: str
    context: Any
    messages: str = ""
    access: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Launch:
    """What to run: `argv` begins with the script's name among what was staged.

    in_process: in this process instead of a child. env: further variables of the script. scratch: a folder of the run's
    own, removed at its end, where the platform gives none.
    """

    argv: Sequence[str]
    staged: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 20.0
    timeout_s: float | None = None
    in_process: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    scratch: str = ""


def channel_of(given: Mapping[str, Any]) -> Channel:
    """The channel as its JSON says it. Raises Refused."""
    kind, context, messages = given.get("kind"), given.get("context"), str(given.get("messages") or "")
    if kind not in ("objects", "stdout") or not context or (kind == "objects" and not messages):
        raise Refused(f"{CHANNEL_VARIABLE} of kind {kind!r} lacks `context` or `messages`.", WRONG_SETTINGS)
    return Channel(str(kind), context, messages, given.get("access") or {})


def launch_of(given: Mapping[str, Any]) -> Launch:
    """The launch as its JSON says it. Raises Refused."""
    argv, staged = given.get("argv"), given.get("staged")
    if not argv or not isinstance(staged, Mapping) or not (staged.get("files") or staged.get("archive")):
        raise Refused(f"{LAUNCH_VARIABLE} needs `argv` and `staged` with `files` or an `archive`.", WRONG_SETTINGS)
    timeout_s = given.get("timeout_s")
    return Launch(
        argv=[str(word) for word in argv],
        staged=staged,
        files=given.get("files") or {},
        grace_s=float(given.get("grace_s", Launch.grace_s)),
        timeout_s=None if timeout_s is None else float(timeout_s),
        in_process=bool(given.get("in_process")),
        env=given.get("env") or {},
        scratch=str(given.get("scratch") or ""),
    )


def said(name: str, env: Mapping[str, str], given: str = "", access: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object of a variable, of the file that `<name>_FILE` names, or `given` itself or by its address.

    Raises Refused.
    """
    text, where = given or env.get(name, ""), env.get(f"{name}_FILE", "")
    if given and not given.startswith("{"):
        where = given
        text = patiently(partial(store_of(given, access or {}).get, given)).decode()
    if not text and not where:
        raise Refused(f"neither {name} nor {name}_FILE is set: a launch sets one of them.", WRONG_SETTINGS)
    try:
        plain = json.loads(text or Path(where).read_text())
        if not isinstance(plain, dict) or plain.get("version") != 1:
            raise ValueError("no object of version 1")
    except (OSError, ValueError) as error:
        raise Refused(f"{where or name} does not hold what a launch gives: {error}.", WRONG_SETTINGS) from None
    return plain


# ---------------------------------------------------------------------------------------------------------------------
# The scratch folder


@dataclass(frozen=True)
class Scratch:
    """What the script finds: its code, its context, a place for its messages, a folder to work in."""

    root: Path

    def at(self, *parts: str) -> Path:
        """A path below it."""
        return self.root.joinpath(*parts)

    def clear(self) -> None:
        """Nothing of an earlier relay is left, or it would be shipped again."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name in ("staged", "files", "work"):
            shutil.rmtree(self.at(name), ignore_errors=True)
            self.at(name).mkdir()
        for name in ("context.json", "messages.jsonl"):
            self.at(name).unlink(missing_ok=True)
            os.close(os.open(self.at(name), os.O_CREAT | os.O_WRONLY, 0o600))

    def unpack(self, staged: Mapping[str, Any], patiently: Callable[[Callable[[], bytes]], bytes]) -> None:
        """Put the staged files in their places. Raises Refused for bytes that are not those that were staged."""
        if staged.get("archive"):
            archive = Path(staged["archive"])
            _expect(str(archive), archive.read_bytes(), staged.get("sha256"))
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(self.at("staged"))
        stores: dict[str, Store] = {}
        for file in staged.get("files") or ():
            address = str(file["uri"])
            kind = address.partition("://")[0] if "://" in address else ""
            store = stores.get(kind) or stores.setdefault(kind, store_of(address, staged.get("access") or {}))
            data = patiently(partial(store.get, address))
            _expect(address, data, file["sha256"])
            self.write("staged", file["name"], data)

    def write(self, folder: str, name: str, data: bytes) -> None:
        """A file below a folder. Raises Refused for a name that leads out of it."""
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts:
            raise Refused(f"{name!r} is no name for a file of a launch.", WRONG_SETTINGS)
        path = self.at(folder, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def pack_modules(self) -> None:
        """All that was staged as one archive, from which executors import."""
        with zipfile.ZipFile(self.at("modules.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(p for p in self.at("staged").rglob("*") if p.is_file()):
                archive.write(path, path.relative_to(self.at("staged")))


def _expect(what: str, data: bytes, sha256: str | None) -> None:
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256:
        raise Refused(f"{what} is not what was staged: its sha256 is {found}, not {sha256}.", WRONG_BYTES)


# ---------------------------------------------------------------------------------------------------------------------
# Messages


class Shipper:
    """Carries the whole lines of a growing file away as numbered objects, in order, each exactly once."""

    def __init__(self, source: Path, store: Store, prefix: str, *, look_s: float = LOOK_S) -> None:
        self._source, self._store, self._prefix, self._look_s = source, store, prefix, look_s
        self._number: int | None = None
        self._offset = 0
        self._pending = b""
        self._down = False
        self.lines = 0
        self.ended = threading.Event()
        self.give_up: Callable[[], bool] = lambda: False
        self._thread = threading.Thread(target=self._run, name="shipper")

    @property
    def chunks(self) -> int:
        """How many objects there are now."""
        return (self._number or 1) - 1

    def start(self) -> None:
        """Ship from now on, in a thread of its own."""
        self._thread.start()

    def finish(self, about: Callable[[], Mapping[str, Any]]) -> None:
        """The source is at its end: ship what is left, and then what there is to say about it."""
        self.ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        end = f"{self._prefix}{END}"
        wait_s = self._look_s
        while not self._tried(lambda: self._store.put(end, json.dumps(about()).encode())) and not self.give_up():
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _run(self) -> None:
        wait_s = self._look_s
        while True:
            last = self.ended.is_set()
            number = self._number
            if self._tried(partial(self.ship, last)):
                if last:
                    return
                wait_s = self._look_s * (1 if self._number == number else 3)
            else:
                if last and self.give_up():
                    complain(f"giving up on {self._prefix}: what was said after {self.lines} lines is lost.")
                    return
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
            (time.sleep if last else self.ended.wait)(wait_s)

    def _tried(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except Away as error:
            if not self._down:
                complain(f"{self._prefix} cannot be reached, will keep trying: {error}")
            self._down = True
            return False
        if self._down:
            complain(f"{self._prefix} is there again.")
        self._down = False
        return True

    def ship(self, last: bool = False) -> None:
        """Ship what is whole by now; `last`: all there is. Raises Away, after which it may be called again."""
        if self._number is None:
            names = [re.fullmatch(r"(\d{12})\.jsonl", name) for name in self._store.names(self._prefix)]
            self._number = max((int(name[1]) for name in names if name), default=0) + 1
        behind = True
        while self._pending or (behind and (data := self._next_lines(last))):
            # Kept until it is put: a second try must send the bytes of the first, whose reply may have been lost.
            self._pending = self._pending or data
            whole = self._pending if self._pending.endswith(b"\n") else self._pending + b"\n"
            self._number = self._put(whole, self._number)
            self._offset += len(self._pending)
            behind = last or len(self._pending) > CHUNK_BYTES // 2
            self._pending = b""
            self.lines += whole.count(b"\n")

    def _put(self, data: bytes, number: int) -> int:
        """Under the next free number; one that is taken by these very bytes is ours, by a put whose reply was lost.

        Returns the number after it.
        """
        while True:
            address = f"{self._prefix}{number:012}.jsonl"
            if self._store.put(address, data, if_absent=True) or self._store.get(address) == data:
                return number + 1
            number += 1

    def _next_lines(self, last: bool) -> bytes:
        """Whole lines after what was shipped; at the very end also the line that was never finished."""
        with self._source.open("rb") as file:
            file.seek(self._offset)
            data = file.read(CHUNK_BYTES)
            while b"\n" not in data and (more := file.read(CHUNK_BYTES)):
                data += more
        whole = data[: data.rfind(b"\n") + 1]
        return whole or (data if last else b"")


# ---------------------------------------------------------------------------------------------------------------------
# The script


def patiently(act: Callable[[], _Result], asked: threading.Event | None = None) -> _Result:
    """Until it succeeds, a bounded time, or until it is `asked` to end. Raises Refused."""
    asked = asked or threading.Event()
    wait_s, end = LOOK_S, time.monotonic() + FETCH_S
    while True:
        try:
            return act()
        except Away as error:
            if time.monotonic() >= end or asked.is_set():
                code = 128 + signal.SIGTERM if asked.is_set() else NO_STORE
                raise Refused(f"what was staged cannot be fetched: {error}", code) from error
            complain(f"will try again: {error}")
        asked.wait(wait_s)
        wait_s = min(wait_s * 2, LONGEST_WAIT_S)


class Relay:
    """One script from its start to its end."""

    def __init__(self, channel: Channel, launch: Launch, scratch: Scratch) -> None:
        self._channel, self._launch, self._scratch = channel, launch, scratch
        self._child: subprocess.Popen[bytes] | None = None
        self._asked = threading.Event()
        self._timers: list[threading.Timer] = []
        self._give_up_at = 0.0
        self._error, self._code = "", 0

    def run(self, env: Mapping[str, str]) -> int:
        """Its exit code; 128 and the signal that ended it. Raises Refused."""
        self._watch_signals()
        self._scratch.clear()
        shipper: Shipper | None = None
        if self._channel.kind == "objects":
            store = store_of(self._channel.messages, self._channel.access)
            shipper = Shipper(self._scratch.at("messages.jsonl"), store, self._channel.messages)
            shipper.give_up = lambda: time.monotonic() >= self._give_up_at
        try:
            self._prepare()
            self._code = self._supervise(env, shipper)
        except Refused as error:
            self._error, self._code = str(error), error.code
            self._give_up_at = 0.0
            raise
        finally:
            if shipper is not None:
                self._tell_end(shipper, self._code)
        return 128 - self._code if self._code < 0 else self._code

    def _watch_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def _prepare(self) -> None:
        scratch = self._scratch
        if self._channel.kind == "objects":
            address = str(self._channel.context)
            store = store_of(address, self._channel.access)
            context = self._patiently(lambda: store.get(address))
        else:
            context = json.dumps(self._channel.context).encode()
        scratch.at("context.json").write_bytes(context)
        scratch.unpack(self._launch.staged, self._patiently)
        for name, text in self._launch.files.items():
            scratch.write("files", name, text.encode())
        scratch.pack_modules()
        if not scratch.at("staged", self._launch.argv[0]).is_file():
            raise Refused(f"the script {self._launch.argv[0]!r} is not among what was staged.", WRONG_SETTINGS)

    def _patiently(self, act: Callable[[], _Result]) -> _Result:
        return patiently(act, self._asked)

    def _supervise(self, env: Mapping[str, str], shipper: Shipper | None) -> int:
        if self._asked.is_set():
            return -signal.SIGTERM
        scratch = self._scratch
        script, *arguments = self._launch.argv
        self._child = subprocess.Popen(
            [sys.executable, __file__, SCRIPT_ARGUMENT, str(scratch.at("staged", script)), *arguments],
            cwd=scratch.at("work"),
            env=self._child_env(env),
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )
        if shipper is not None:
            shipper.start()  # no thread of ours may live while the script is forked
        if self._asked.is_set():
            self._end_child()
        if self._launch.timeout_s is not None:
            self._after(self._launch.timeout_s, self._time_is_over)
        code = _reap(self._child)
        for timer in self._timers:
            timer.cancel()
        self._kill_group()
        self._give_up_at = time.monotonic() + (self._launch.grace_s if self._asked.is_set() else REST_S)
        return code

    def _child_env(self, env: Mapping[str, str]) -> dict[str, str]:
        own = {name: value for name, value in env.items() if not name.startswith((CHANNEL_VARIABLE, LAUNCH_VARIABLE))}
        present = [part for part in own.get("PYTHONPATH", "").split(os.pathsep) if part]
        path = os.pathsep.join([str(self._scratch.at("staged")), *present])
        return {"PYTHONUNBUFFERED": "1", **own, **self._launch.env, **self._wired(), "PYTHONPATH": path}

    def _wired(self) -> dict[str, str]:
        """The variables by which the script finds what is here."""
        scratch = self._scratch
        messages = (
            {"stdio": "stdout"} if self._channel.kind == "stdout" else {"path": str(scratch.at("messages.jsonl"))}
        )
        return {
            SCRATCH_VARIABLE: str(scratch.root),
            MODULES_VARIABLE: str(scratch.at("modules.zip")),
            "DAGSTER_PIPES_CONTEXT": _pipes_param({"path": str(scratch.at("context.json"))}),
            "DAGSTER_PIPES_MESSAGES": _pipes_param(messages),
        }

    def _tell_end(self, shipper: Shipper, code: int) -> None:
        def about() -> dict[str, Any]:
            facts = {"exit_code": 128 - code if code < 0 else code, "signal": -code if code < 0 else None}
            counts = {"chunks": shipper.chunks, "lines": shipper.lines}
            return {**facts, **counts, **({"error": self._error} if self._error else {})}

        shipper.finish(about)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            return
        self._asked.set()
        self._give_up_at = min(self._give_up_at, time.monotonic() + self._launch.grace_s)
        if self._child is not None:
            self._end_child()

    def _time_is_over(self) -> None:
        self._error = f"the time limit of {self._launch.timeout_s:g} s was over"
        complain(f"{self._error}: ending the script.")
        self._end_child()

    def _end_child(self) -> None:
        """SIGTERM to the script alone: what it started is its own to end, until its grace is over."""
        assert self._child is not None
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGTERM)
            self._after(self._launch.grace_s, self._kill_group)

    def _kill_group(self) -> None:
        assert self._child is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()


def _pipes_param(value: Mapping[str, Any]) -> str:
    """As stock Pipes reads it from a variable."""
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


def _end_with_parent() -> Callable[[], None] | None:
    """Runs in the child before the script: nobody would hear a script whose relay was killed. Linux only."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    return (lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)) if prctl is not None else None


def _reap(child: subprocess.Popen[bytes]) -> int:
    """The script's exit code, negative for a signal. Orphans of process 1 are its children too."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return child.returncode


class InProcess(Relay):
    """The script within this process. Whoever ends the process ends it without a word of the relay's."""

    def _watch_signals(self) -> None:
        """They are the platform's."""

    def _supervise(self, env: Mapping[str, str], shipper: Shipper | None) -> int:
        staged = self._scratch.at("staged")
        os.environ.update({**self._launch.env, **self._wired()})
        sys.path.insert(0, str(staged))
        sys.argv[:] = [str(staged / self._launch.argv[0]), *self._launch.argv[1:]]
        before = Path.cwd()
        os.chdir(self._scratch.at("work"))
        _give_pipes_its_parameters()
        if shipper is not None:
            shipper.start()
        self._code = 1  # until it is known better, whatever ends the script
        try:
            runpy.run_path(sys.argv[0], init_globals=_given_by_the_platform(), run_name="__main__")
        except SystemExit as error:
            self._code = error.code if isinstance(error.code, int) else int(error.code is not None)
            if self._code:
                raise ScriptLeft(f"the script left with {error.code!r}") from error
        finally:
            os.chdir(before)
            self._give_up_at = time.monotonic() + REST_S
        return 0


class ScriptLeft(Exception):
    """The script called sys.exit with a failure; a platform that runs it in process may not count that as one."""


def _given_by_the_platform() -> dict[str, Any]:
    """What notebooks and scripts of the platform find as globals, where it gave them to this file."""
    return {name: globals()[name] for name in ("spark", "sc", "sqlContext", "dbutils", "display") if name in globals()}


def _give_pipes_its_parameters() -> None:
    """A script that names a transport of its platform (DBFS, volumes, widgets, arguments) speaks to the relay's file.

    Its own transport is what it had before engineshed launched it; it need not be changed.
    """
    try:
        import dagster_pipes as pipes
    except ImportError:
        return
    from_variables: Any = pipes.PipesEnvVarParamsLoader
    params, context, messages = from_variables(), pipes.PipesDefaultContextLoader(), pipes.PipesDefaultMessageWriter()
    for name in ("PipesCliArgsParamsLoader", "PipesDatabricksNotebookWidgetsParamsLoader"):
        loader: Any = getattr(pipes, name, None)
        if loader is not None:
            loader.is_dagster_pipes_process = lambda self: params.is_dagster_pipes_process()
            loader.load_context_params = lambda self: params.load_context_params()
            loader.load_messages_params = lambda self: params.load_messages_params()
    for place in ("Dbfs", "UnityCatalogVolumes", "S3"):
        reads: Any = getattr(pipes, f"Pipes{place}ContextLoader", None)
        writes: Any = getattr(pipes, f"Pipes{place}MessageWriter", None)
        if reads is not None:
            reads.load_context = lambda self, given: context.load_context(given)
        if writes is not None:
            writes.open = lambda self, given: messages.open(given)
            writes.get_opened_extras = lambda self: {}  # asks the session of DBFS where logs go


def become(script: str, arguments: Sequence[str]) -> None:
    """Run the script as Python would run it by its path, but with Pipes' transports told where the relay listens."""
    sys.argv[:] = [script, *arguments]
    sys.path[0] = str(Path(script).parent)
    _give_pipes_its_parameters()
    runpy.run_path(script, run_name="__main__")


def main(argv: Iterable[str]) -> int:
    """Run what the variables or arguments say; the exit code is the script's, or one of the relay's own.

    In process the script's exception passes, since it is what the platform shows of a failure.
    """
    words = dict(zip(*[iter(argv)] * 2, strict=False))
    in_process = False
    try:
        channel = channel_of(said(CHANNEL_VARIABLE, os.environ, words.get(CHANNEL_ARGUMENT, "")))
        launch = launch_of(said(LAUNCH_VARIABLE, os.environ, words.get(LAUNCH_ARGUMENT, ""), channel.access))
        in_process = launch.in_process
        if in_process:
            with tempfile.TemporaryDirectory(prefix="engineshed-", ignore_cleanup_errors=True) as folder:
                return InProcess(channel, launch, Scratch(Path(folder))).run(os.environ)
        scratch = Scratch(Path(launch.scratch or os.environ.get(SCRATCH_VARIABLE) or SCRATCH))
        try:
            return Relay(channel, launch, scratch).run(os.environ)
        finally:
            if launch.scratch:
                shutil.rmtree(launch.scratch, ignore_errors=True)
    except Refused as error:
        complain(str(error))
        if in_process:
            raise
        return error.code


if __name__ == "__main__":
    if sys.argv[1:2] == [SCRIPT_ARGUMENT]:
        become(sys.argv[2], sys.argv[3:])
        sys.exit()
    exit_code = main(sys.argv[1:])
    if exit_code:  # where scripts run in process, leaving by sys.exit(0) may count as a failure
        sys.exit(exit_code)
