"""The driver's side of engineshed: one file beside your script, on any Spark.

    import engineshed_driver

    with engineshed_driver.open_job("edges") as job:
        pages = job.read("nodes_only", "nodes")
        job.write("links", links_of(job.session, pages))
        job.report({"pages": 6627})

Launched by engineshed, the job says `opened` before any JVM starts, takes the session, settings, partitions, inputs
and output places that the launch gave it, sends a heartbeat with progress, and says `closed` (with the exception, if
there was one) at the end. Run by hand, the same script logs to stderr and writes below the folder it was given.

It needs the standard library, dagster_pipes and pyspark (pysail only where the session is Sail's). It refuses to
publish: it writes Parquet below its own attempt's prefix and seals it; the launching side publishes what is sealed.
docs/messages.md describes the messages, docs/driver.md the rest.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import decimal
import enum
import importlib.metadata
import importlib.util
import itertools
import json
import logging
import math
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import dagster_pipes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["Job", "JobError", "MessageWriter", "PartitionFilter", "Terminated", "arguments", "open_job"]

SESSION_VARIABLE = "ENGINESHED_SESSION"
"""Env variable with the session to make, as JSON: {"kind", "master", "remote", "conf"}."""

MODULES_VARIABLE = "ENGINESHED_MODULES"
"""Env variable with an archive of the staged modules, from which executors on other machines import."""

PROGRESS_KEY = "engineshed/progress"
REPORT_KEY = "engineshed/report"
SEAL_KEY = "engineshed/seal"

SEAL_FOLDER = "_seal"
"""Below each output prefix: one row of Parquet that says, also with a broken channel, that all tables are written."""

SCRATCH_FOLDER = "scratch"
"""Below an output prefix: what a script keeps between two steps of its own. Spark reads no folder named `_..`."""

QUIET_S = 10.0
"""Unchanged progress is sent again after this time, as a sign of life."""

STOP_S = 20.0
"""How long the end of the session may take before the driver leaves without it."""


class JobError(Exception):
    """The script asked its job for something that the launch does not give, or left something undone."""


class Terminated(SystemExit):
    """SIGTERM: the platform ends the driver. Passes `except Exception`; the process exits with 143."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)

    def __str__(self) -> str:
        return "The driver was told to stop (SIGTERM)."


# ---------------------------------------------------------------------------------------------------------------------
# Partitions


@dataclasses.dataclass(frozen=True)
class PartitionFilter:
    """The partitions of this run, ready to filter by.

    keys: all partition keys, in the order of the definition; empty when the asset has no partitions.
    by_key: for each key its value in every dimension (one unnamed dimension is "default").
    windows_by_value: for each time-windowed dimension and value its (start, end), ISO 8601: start <= t < end.
    key_range: (first, last) when the run covers a contiguous range.
    """

    keys: tuple[str, ...] = ()
    by_key: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)
    windows_by_value: Mapping[str, Mapping[str, tuple[str, str]]] = dataclasses.field(default_factory=dict)
    key_range: tuple[str, str] | None = None

    @classmethod
    def from_context(cls, partition: Mapping[str, Any]) -> PartitionFilter:
        """From the `partition` object of the Pipes context's extras."""
        windows = {
            dimension: {value: (w["start"], w["end"]) for value, w in by_value.items()}
            for dimension, by_value in (partition.get("windows") or {}).items()
        }
        key_range = partition.get("key_range")
        return cls(
            keys=tuple(partition.get("keys") or ()),
            by_key=dict(partition.get("by_key") or {}),
            windows_by_value=windows,
            key_range=(key_range[0], key_range[1]) if key_range else None,
        )

    @property
    def dimensions(self) -> dict[str, tuple[str, ...]]:
        """The distinct values of each dimension, in the order of the keys."""
        seen: dict[str, dict[str, None]] = {}
        for key in self.keys:
            for dimension, value in self.by_key.get(key, {}).items():
                seen.setdefault(dimension, {})[value] = None
        return {dimension: tuple(values) for dimension, values in seen.items()}

    @property
    def windows(self) -> dict[str, tuple[str, str]]:
        """For each time-windowed dimension the span from its first start to its last end (gaps are not told here)."""
        spans = {}
        for dimension, values in self.dimensions.items():
            if dimension in self.windows_by_value:
                merged = self._merged_windows(dimension, values)
                spans[dimension] = (merged[0][0], merged[-1][1])
        return spans

    def placed(self, place: str) -> list[str]:
        """The place for each of these partitions, each once; as it is where it names nothing of them.

        `{crawl}` in it is a key's value in that dimension, `{partition}` the key itself.
        """
        found: dict[str, None] = {}
        for key in self.keys:
            values = {**self.by_key.get(key, {}), "partition": key}
            found[re.sub(r"\{([^{}/]+)\}", partial(_value_in, values), place)] = None
        return list(found) or [place]

    def sql(self, columns: Mapping[str, str]) -> str:
        """A Spark SQL condition that holds for the rows of these partitions and no others.

        columns: for each dimension to filter by, the column that holds it (`t.crawl` and backquoted names work too).
        Windows become `>=` and `<`, other values `=` or `IN`; keys that are no full product become an OR of ANDs.
        "TRUE" for an asset without partitions. Raises JobError for a dimension that the run does not have.
        """
        if not self.keys:
            return "TRUE"
        names = self._known(columns)
        rows = {tuple(self.by_key[key][name] for name in names): None for key in self.keys}
        return self._condition([(name, _identifier(columns[name])) for name in names], list(rows))

    def matches(self, row: Mapping[str, Any], columns: Mapping[str, str] | None = None) -> bool:
        """Whether a row belongs to these partitions; `columns` as for `sql`, by default the dimensions' own names.

        Windowed columns hold a datetime, a date or ISO 8601 text; without an offset they are UTC. None never matches.
        """
        if not self.keys:
            return True
        columns = columns if columns is not None else {name: name for name in self.dimensions}
        names = self._known(columns)
        return any(all(self._holds(n, self.by_key[key][n], row[columns[n]]) for n in names) for key in self.keys)

    def _known(self, columns: Mapping[str, str]) -> list[str]:
        dimensions = self.dimensions
        for name in columns:
            if name not in dimensions:
                raise JobError(f"no partition dimension {name!r} in this run: it has {_listed(dimensions)}.")
        if not columns:
            raise JobError(f"no column given to filter by: name one for a dimension of {_listed(dimensions)}.")
        return [name for name in dimensions if name in columns]

    def _holds(self, dimension: str, wanted: str, found: Any) -> bool:
        if found is None:
            return False
        if dimension not in self.windows_by_value:
            return str(found) == wanted
        start, end = self._window(dimension, wanted)
        return _instant(start) <= _instant(found) < _instant(end)

    def _window(self, dimension: str, value: str) -> tuple[str, str]:
        try:
            return self.windows_by_value[dimension][value]
        except KeyError:
            raise JobError(f"partition dimension {dimension!r} has no window for {value!r} in this launch.") from None

    def _merged_windows(self, dimension: str, values: Iterable[str]) -> list[tuple[str, str]]:
        """The values' windows in order of time, adjoining ones joined."""
        merged: list[tuple[str, str]] = []
        for start, end in sorted((self._window(dimension, v) for v in values), key=lambda w: _instant(w[0])):
            if merged and _instant(start) <= _instant(merged[-1][1]):
                before = merged.pop()
                start, end = before[0], max(before[1], end, key=_instant)
            merged.append((start, end))
        return merged

    def _condition(self, columns: Sequence[tuple[str, str]], rows: Sequence[tuple[str, ...]]) -> str:
        """Rows of equal remainder share one condition on the first column, so that a product becomes a plain AND."""
        (dimension, column), remaining = columns[0], columns[1:]
        if not remaining:
            return self._one_of(dimension, column, [row[0] for row in rows])
        remainders: dict[str, list[tuple[str, ...]]] = {}
        for row in rows:
            remainders.setdefault(row[0], []).append(row[1:])
        groups: dict[tuple[tuple[str, ...], ...], list[str]] = {}
        for value, remainder in remainders.items():
            groups.setdefault(tuple(sorted(remainder)), []).append(value)
        parts = [
            f"{self._one_of(dimension, column, values)} AND {self._condition(remaining, remainder)}"
            for remainder, values in groups.items()
        ]
        return parts[0] if len(parts) == 1 else "(" + " OR ".join(f"({part})" for part in parts) + ")"

    def _one_of(self, dimension: str, column: str, values: Sequence[str]) -> str:
        if dimension in self.windows_by_value:
            spans = [
                f"({column} >= {_timestamp(start)} AND {column} < {_timestamp(end)})"
                for start, end in self._merged_windows(dimension, values)
            ]
            return spans[0] if len(spans) == 1 else "(" + " OR ".join(spans) + ")"
        if len(values) == 1:
            return f"{column} = {_literal(values[0])}"
        return f"{column} IN ({', '.join(_literal(value) for value in values)})"


def _value_in(values: Mapping[str, str], name: re.Match[str]) -> str:
    return values.get(name[1], name[0])


def _identifier(column: str) -> str:
    """Each part of a dotted name in backquotes; a name that has backquotes already stays as it is."""
    return column if "`" in column else ".".join(f"`{part}`" for part in column.split("."))


def _literal(value: str) -> str:
    # Backslashes, not doubled quotes: before Spark 4, and on Sail, 'it''s' are two literals joined to "its".
    # Spark replaces ${variables} within literals too.
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\u0024{") + "'"


def _timestamp(iso: str) -> str:
    return f"TIMESTAMP '{_instant(iso).strftime('%Y-%m-%d %H:%M:%S.%f')}+00:00'"


_UTC = datetime.timezone.utc  # noqa: UP017 - runs on Python 3.10 too


def _instant(moment: Any) -> datetime.datetime:
    """UTC; text, dates and times without an offset are taken as UTC."""
    if isinstance(moment, str):
        moment = datetime.datetime.fromisoformat(moment[:-1] + "+00:00" if moment.endswith("Z") else moment)
    elif not isinstance(moment, datetime.datetime):
        moment = datetime.datetime(moment.year, moment.month, moment.day, tzinfo=_UTC)
    zoned: datetime.datetime = moment if moment.tzinfo else moment.replace(tzinfo=_UTC)
    return zoned.astimezone(_UTC)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"


# ---------------------------------------------------------------------------------------------------------------------
# Messages


class _LockedChannel(dagster_pipes.PipesMessageWriterChannel):
    """One message at a time, whoever sends it: heartbeat, logger, or the script through dagster_pipes itself."""

    def __init__(self, channel: dagster_pipes.PipesMessageWriterChannel) -> None:
        self._channel = channel
        self._lock = threading.Lock()

    def write_message(self, message: dagster_pipes.PipesMessage) -> None:
        with self._lock:
            self._channel.write_message(message)


class _LineChannel(dagster_pipes.PipesMessageWriterChannel):
    """Appends whole lines to a file, each by one write: a text buffer splits lines above 8 KiB."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._torn = _ends_torn(path)

    def write_message(self, message: dagster_pipes.PipesMessage) -> None:
        line = json.dumps(message).encode() + b"\n"
        rest = memoryview(b"\n" + line if self._torn else line)
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._torn = True  # until the line is whole: a full disk or a signal may leave half of it
            while rest:
                rest = rest[os.write(file, rest) :]
            self._torn = False
        finally:
            os.close(file)


def _ends_torn(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return False
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
    except FileNotFoundError:
        return False


class MessageWriter(dagster_pipes.PipesMessageWriter[dagster_pipes.PipesMessageWriterChannel]):
    """Picks the transport by the parameters that the launch gave, and lets many threads write.

    `open_job` uses it; a script that calls `open_dagster_pipes` itself may give it as `message_writer`.
    """

    @contextlib.contextmanager
    def open(self, params: Mapping[str, Any]) -> Iterator[dagster_pipes.PipesMessageWriterChannel]:
        """The channel of messages of these parameters."""
        if "path" in params and not params.get("include_stdio_in_messages"):
            yield _LockedChannel(_LineChannel(params["path"]))
        else:
            with dagster_pipes.PipesDefaultMessageWriter().open(params) as channel:
                yield _LockedChannel(channel)


_PIPES_VARIABLES = ("DAGSTER_PIPES_CONTEXT", "DAGSTER_PIPES_MESSAGES")
_PIPES_OPTIONS = {"--" + name.lower().replace("_", "-"): name for name in _PIPES_VARIABLES}


def _split_arguments(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The Pipes parameters among the arguments, by the names of their variables, and the script's own arguments."""
    ours: dict[str, str] = {}
    own: list[str] = []
    words = iter(argv)
    for word in words:
        option, equals, value = word.partition("=")
        if option in _PIPES_OPTIONS:
            ours[_PIPES_OPTIONS[option]] = value if equals else next(words, "")
        else:
            own.append(word)
    return ours, own


def arguments() -> list[str]:
    """The script's own arguments, for its argparse: `sys.argv[1:]` without those of Dagster Pipes."""
    return _split_arguments(sys.argv[1:])[1]


def _pipes_parameters() -> dict[str, str]:
    """The Pipes parameters of this process, from the environment or the arguments; empty by hand."""
    given = {name: os.environ[name] for name in _PIPES_VARIABLES if os.environ.get(name)}
    given.update(_split_arguments(sys.argv[1:])[0])
    if given and len(given) < len(_PIPES_VARIABLES):
        missing = next(name for name in _PIPES_VARIABLES if name not in given)
        raise JobError(f"{missing} is not set although {_listed(given)} is: a launch sets both.")
    return given


class _PipesLogHandler(logging.Handler):
    """Log records as Pipes messages, tracebacks included; a record that cannot be sent never fails the job."""

    def __init__(self, context: dagster_pipes.PipesContext) -> None:
        super().__init__()
        self._context = context

    def emit(self, record: logging.LogRecord) -> None:
        if self._context.is_closed:
            return
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
        standard = [level for level in (10, 20, 30, 40, 50) if level <= record.levelno]
        try:
            # Dagster knows the five standard levels only.
            self._context.log.log(standard[-1] if standard else logging.DEBUG, "%s", text)
        except Exception:  # noqa: BLE001 - the logging module's own rule: report to stderr, go on
            self.handleError(record)


def _logger(app_name: str, context: dagster_pipes.PipesContext | None) -> logging.Logger:
    log = logging.Logger(app_name, logging.INFO)
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    log.addHandler(stderr)
    if context is not None:
        log.addHandler(_PipesLogHandler(context))
    return log


def _complain(text: str) -> None:
    """To the driver's own log, where Dagster cannot or need not be told."""
    print(f"engineshed_driver: {text}", file=sys.stderr, flush=True)


def _json_safe(value: Any, where: str) -> Any:
    """The value as JSON. Decimals, dates, paths and enums become text, numbers that are not finite None."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, enum.Enum):
        return _json_safe(value.value, where)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (decimal.Decimal, PurePath)):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if hasattr(value, "asDict"):  # a Row of Spark, which is a tuple too
        value = value.asDict(recursive=True)
    if isinstance(value, Mapping):
        return {_json_key(key, where): _json_safe(inner, f"{where}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        ordered = sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
        return [_json_safe(inner, f"{where}[{at}]") for at, inner in enumerate(ordered)]
    if hasattr(value, "tolist"):  # numpy
        return _json_safe(value.tolist(), where)
    raise JobError(f"{where} is a {type(value).__name__}, which JSON cannot hold: give a number, text, list or dict.")


def _json_key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise JobError(f"{where} has the key {key!r}, a {type(key).__name__}: keys must be text.")
    return key


# ---------------------------------------------------------------------------------------------------------------------
# Sessions


@dataclasses.dataclass(frozen=True)
class _SessionSpec:
    """Which session to make.

    kind: classic (at `master`), connect (at `remote`), sail (at `remote`, or a server of our own) or ambient (what the
    platform has already).
    """

    kind: str
    master: str = "local[*]"
    remote: str = ""
    conf: Mapping[str, str] = dataclasses.field(default_factory=dict)


_NO_PROXY = "no_grpc_proxy"
_KINDS = ("classic", "connect", "sail", "ambient")


def _session_spec() -> _SessionSpec:
    text = os.environ.get(SESSION_VARIABLE, "")
    if not text:
        return _SessionSpec(kind=_kind_at_hand())
    try:
        given = json.loads(text)
        kind = given.get("kind")
    except (ValueError, AttributeError):
        raise JobError(f'{SESSION_VARIABLE} is not a JSON object like {{"kind": "sail"}}: {text!r}.') from None
    if kind not in _KINDS:
        raise JobError(f"{SESSION_VARIABLE} has the kind {kind!r}: it is one of {_listed(_KINDS)}.")
    if kind == "connect" and not given.get("remote"):
        raise JobError(f'{SESSION_VARIABLE} of kind "connect" has no "remote": give one like "sc://host:15002".')
    conf = {str(key): str(value) for key, value in (given.get("conf") or {}).items()}
    return _SessionSpec(kind, given.get("master") or "local[*]", given.get("remote") or "", conf)


def _kind_at_hand() -> str:
    # Set by spark-submit, by Spark Connect tooling, and on Databricks: there the session is the platform's.
    if any(os.environ.get(name) for name in ("PYSPARK_GATEWAY_PORT", "SPARK_REMOTE", "DATABRICKS_RUNTIME_VERSION")):
        return "ambient"
    java_home = os.environ.get("JAVA_HOME")
    if shutil.which("java") or (java_home and Path(java_home, "bin", "java").exists()):
        return "classic"
    if importlib.util.find_spec("pysail"):
        return "sail"
    raise JobError("no Spark can start here: install Java 17 or 21, or `pip install pysail`.")


@dataclasses.dataclass(frozen=True)
class _Running:
    """A session, how it is ended, and the server process of our own behind it, if there is one.

    decodes: its server takes `%2E` in the URI of an object for a dot, as Sail does and Spark does not.
    """

    session: SparkSession
    stop: Callable[[], None]
    server: subprocess.Popen[bytes] | None = None
    decodes: bool = False

    def place(self, uri: str) -> str:
        """The URI or path as this session must be told it, so that it means the very object or file of that name."""
        local = _local_path(uri)
        if local is not None:
            return str(local)
        if not self.decodes:
            return uri
        scheme, _, rest = uri.partition("://")
        return f"{scheme}://{urllib.parse.quote(rest)}"


def _start_session(spec: _SessionSpec, app_name: str, conf: Mapping[str, str], orchestrated: bool) -> _Running:
    _share_modules()
    settings = {"spark.sql.session.timeZone": "UTC", **conf, **spec.conf}
    if spec.kind == "classic":
        return _start_classic(spec, app_name, {**_classic_settings(spec.master), **settings}, orchestrated)
    if spec.kind == "sail":
        return _join_sail(spec, app_name, settings) if spec.remote else _start_sail(app_name, settings)
    if spec.kind == "connect":
        if spec.remote.startswith("local"):
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        session = _configured(app_name, settings).remote(spec.remote).getOrCreate()
        return _Running(session, session.stop)
    return _join_ambient(app_name, settings)


def _reach_store(store: Mapping[str, str]) -> None:
    """Let every S3 client of this driver find the launch's object store, each by the variable it reads.

    What the environment says already stays. Credentials are the environment's business alone.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or store.get("endpoint_url")
    if endpoint:
        os.environ.setdefault("AWS_ENDPOINT_URL", endpoint)  # boto3
        os.environ.setdefault("AWS_ENDPOINT", endpoint)  # Sail
        if endpoint.startswith("http://"):
            os.environ.setdefault("AWS_ALLOW_HTTP", "true")
    if store.get("region"):
        os.environ.setdefault("AWS_REGION", store["region"])
        os.environ.setdefault("AWS_DEFAULT_REGION", store["region"])  # boto3


def _classic_settings(master: str) -> dict[str, str]:
    """What classic Spark needs to reach the object store by s3:// addresses, and executors to reach it and our modules.

    Source: Hadoop, "Integration with Amazon Web Services", S3A. Credentials come from each process's environment.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    settings = {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
    }
    if endpoint:
        # Buckets as host names need wildcard DNS, which an endpoint of one's own seldom has.
        settings |= {
            "spark.hadoop.fs.s3a.endpoint": endpoint,
            "spark.hadoop.fs.s3a.path.style.access": "true",
            "spark.hadoop.fs.s3a.connection.ssl.enabled": str(endpoint.startswith("https://")).lower(),
        }
    if region:
        settings["spark.hadoop.fs.s3a.endpoint.region"] = region
    if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        provider = "software.amazon.awssdk.auth.credentials.WebIdentityTokenFileCredentialsProvider"
        settings["spark.hadoop.fs.s3a.aws.credentials.provider"] = provider
    if master.startswith("local[") or master == "local":
        return settings
    variables = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    settings |= {f"spark.executorEnv.{name}": value for name, value in variables.items() if value}
    if os.environ.get(MODULES_VARIABLE):
        settings["spark.submit.pyFiles"] = os.environ[MODULES_VARIABLE]
    return settings


def _share_modules() -> None:
    """Python workers import the script's sibling modules as the script does."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    folders = [str(Path(file).resolve().parent) for file in (script, __file__) if file]
    present = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*folders, *present]))


def _configured(app_name: str, settings: Mapping[str, str]) -> Any:
    from pyspark.sql import SparkSession  # `opened` must not wait for this import

    builder = SparkSession.builder.appName(app_name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder


def _start_classic(spec: _SessionSpec, app_name: str, settings: Mapping[str, str], orchestrated: bool) -> _Running:
    settings = {"spark.ui.showConsoleProgress": "false", **settings}
    if spec.master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # else the UI listens on every interface
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        if orchestrated:
            settings.setdefault("spark.ui.port", "0")  # many drivers share this machine
    session = _configured(app_name, settings).master(spec.master).getOrCreate()
    return _Running(session, session.stop, getattr(session.sparkContext._gateway, "proc", None))


_SAIL_SERVER = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the driver too, which ends this
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
os.dup2(2, 1)  # what Python functions print goes to the log
sys.stdin.buffer.read()  # ends with the driver, however that ends
os._exit(0)
"""


def _start_sail(app_name: str, settings: Mapping[str, str]) -> _Running:
    """A Sail server of our own, in a process of its own.

    Within the driver a server that runs out of memory takes the driver with it, before it can say `closed`, and Python
    functions still at work at the end make the interpreter hang or abort on leaving (pysail 0.7.2).
    """
    # gRPC sends even loopback calls through http_proxy unless told otherwise.
    direct = [os.environ.get(_NO_PROXY) or os.environ.get("no_proxy") or "", "127.0.0.1"]
    os.environ[_NO_PROXY] = ",".join(host for host in direct if host)
    server = subprocess.Popen(
        [sys.executable, "-c", _SAIL_SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"RUST_LOG": "warn", **os.environ},
    )
    try:
        port = server.stdout.readline().decode().strip() if server.stdout else ""
        if not port:
            raise JobError(f"the Sail server ended with {server.wait()} instead of starting: its log says why.")
        _expect_loopback(int(port))
        session = _configured(app_name, settings).remote(f"sc://127.0.0.1:{port}").getOrCreate()
        _expect_no_outage(session)
    except BaseException:
        server.kill()
        server.wait()
        raise

    def stop() -> None:
        # A release would wait for Python functions at work; the server ends with the session anyway.
        session.release_session_on_close = False
        session.stop()
        server.communicate()

    return _Running(session, stop, server, decodes=True)


def _expect_loopback(port: int) -> None:
    """Spark Connect would try for ten minutes to reach a server that no connection of this machine can reach."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError as error:
        raise JobError(
            f"the Sail server on 127.0.0.1:{port} cannot be reached ({error}): this machine's loopback interface is "
            "down or closed. Bring it up: `ip link set lo up`."
        ) from error


def _join_sail(spec: _SessionSpec, app_name: str, settings: Mapping[str, str]) -> _Running:
    session = _configured(app_name, settings).remote(spec.remote).getOrCreate()
    return _Running(session, session.stop, decodes=True)


def _expect_no_outage(session: SparkSession) -> None:
    """A server on this machine is not unavailable for a while but dead: do not try for ten minutes, as clients do."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    session.client.set_retry_policies([DefaultPolicy(max_retries=2)])


def _join_ambient(app_name: str, settings: Mapping[str, str]) -> _Running:
    from pyspark.sql import SparkSession

    found = SparkSession.getActiveSession()
    session = _configured(app_name, settings).getOrCreate()
    ours = found is None and not os.environ.get("DATABRICKS_RUNTIME_VERSION")
    # A session of classic Spark that was there before the script has workers that look elsewhere for modules.
    there = found is not None and not type(found).__module__.startswith("pyspark.sql.connect")
    sent = _send_modules(session) if there or os.environ.get("PYSPARK_GATEWAY_PORT") else None

    def stop() -> None:
        if ours:
            session.stop()
        if sent is not None:
            sent.cleanup()

    return _Running(session, stop)


def _send_modules(session: SparkSession) -> tempfile.TemporaryDirectory[str] | None:
    """Send the modules and packages beside the script to the workers: spark-submit sends only what --py-files names.

    Its JVM runs already, so that the variables by which `_share_modules` tells the workers come too late. Returns the
    folder of what was sent, to be removed when the session has ended.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    folder = Path(script).resolve().parent if script else None
    if folder is None or not folder.is_dir():
        return None
    packages = [init.parent for init in folder.glob("*/__init__.py")]
    files = [*folder.glob("*.py"), *(file for package in packages for file in package.rglob("*.py"))]
    sent = tempfile.TemporaryDirectory(prefix="engineshed-", ignore_cleanup_errors=True)
    archive = Path(sent.name, "beside_the_script.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as modules:
        modules.write(__file__, Path(__file__).name)
        for file in sorted(files):
            if file.name != Path(__file__).name:
                modules.write(file, file.relative_to(folder))
    session.sparkContext.addPyFile(str(archive))
    return sent


# ---------------------------------------------------------------------------------------------------------------------
# Progress


class _ClassicProgress:
    """Stages of classic Spark, from its status tracker and status store.

    The store is what Spark's REST API answers from. Asked through the gateway, a look costs milliseconds and needs no
    UI; the first answer over HTTP costs the JVM 1.5 CPU seconds (Spark 4.2).
    """

    AT_ONCE = 50
    ENDED = frozenset({"COMPLETE", "FAILED", "SKIPPED"})

    def __init__(self, session: SparkSession) -> None:
        context = session.sparkContext
        self._tracker = context.statusTracker()
        self._store = context._jsc.sc().statusStore()
        self._ended_jobs: set[int] = set()
        self._ended_stages: set[int] = set()
        self._stages: dict[int, _StageFacts] = {}

    def read(self) -> dict[str, Any]:
        """The sums over all stages so far."""
        due = dict.fromkeys(self._tracker.getActiveStageIds())
        for job in self._tracker.getJobIdsForGroup(None):
            if job in self._ended_jobs:
                continue
            info = self._tracker.getJobInfo(job)
            if info is not None:
                due.update(dict.fromkeys(info.stageIds))
                if info.status != "RUNNING":
                    self._ended_jobs.add(job)
        due.update(dict.fromkeys(stage for stage in self._stages if stage not in self._ended_stages))
        for stage in [stage for stage in due if stage not in self._ended_stages][: self.AT_ONCE]:
            self._look_at(stage)
        counted = [facts for facts in self._stages.values() if facts.status != "SKIPPED"]
        if not counted:
            return {}
        return {
            "stages_done": sum(facts.status == "COMPLETE" for facts in counted),
            "stages_total": len(counted),
            **{name: sum(getattr(facts, name) for facts in counted) for name in _StageFacts._fields[1:]},
        }

    def _look_at(self, stage: int) -> None:
        try:
            data = self._store.lastStageAttempt(stage)
        except Exception:  # noqa: BLE001 - py4j's error for a stage that the store has not seen or has let go
            self._stages.setdefault(stage, _StageFacts("SKIPPED"))
            return
        status = str(data.status().toString())
        self._stages[stage] = _StageFacts(
            status=status,
            tasks_done=data.numCompleteTasks(),
            tasks_total=data.numTasks(),
            tasks_failed=data.numFailedTasks(),
            input_bytes=data.inputBytes(),
            shuffle_bytes=data.shuffleWriteBytes(),
            spill_bytes=data.diskBytesSpilled(),
            rows=data.outputRecords(),
        )
        if status in self.ENDED:
            self._ended_stages.add(stage)


class _StageFacts(NamedTuple):
    """One stage. shuffle_bytes: written for later stages; spill_bytes: to disk; rows: written to tables."""

    status: str
    tasks_done: int = 0
    tasks_total: int = 0
    tasks_failed: int = 0
    input_bytes: int = 0
    shuffle_bytes: int = 0
    spill_bytes: int = 0
    rows: int = 0


class _ConnectProgress:
    """What a Spark Connect server tells its progress handlers. Sail 0.7.2 tells only that an operation has ended."""

    def __init__(self, session: SparkSession) -> None:
        self._lock = threading.Lock()
        self._operations: dict[str, list[Any]] = {}
        self._ended = dict.fromkeys(("stages_done", "stages_total", "tasks_done", "tasks_total", "input_bytes"), 0)
        session.registerProgressHandler(cast(Any, self._handle))  # any callable will do

    def _handle(self, stages: Iterable[Any] | None, inflight_tasks: int, operation_id: str | None, done: bool) -> None:
        with self._lock:
            self._operations[operation_id or ""] = list(stages or ())
            if done:
                for name, value in self._sums(self._operations.pop(operation_id or ""), done=True).items():
                    self._ended[name] += value

    @staticmethod
    def _sums(stages: Sequence[Any], *, done: bool = False) -> dict[str, int]:
        """The server's last report of an operation comes before its end: `done` counts its stages as done."""
        return {
            "stages_done": sum(1 for stage in stages if done or stage.done),
            "stages_total": len(stages),
            "tasks_done": sum(stage.num_tasks if done else stage.num_completed_tasks for stage in stages),
            "tasks_total": sum(stage.num_tasks for stage in stages),
            "input_bytes": sum(stage.num_bytes_read for stage in stages),
        }

    def read(self) -> dict[str, Any]:
        """The sums over all operations so far; empty from a server that reports no stages."""
        with self._lock:
            running = self._sums([stage for stages in self._operations.values() for stage in stages])
            sums = {name: value + running[name] for name, value in self._ended.items()}
        return sums if sums["stages_total"] else {}


def _progress_of(running: _Running) -> Callable[[], dict[str, Any]]:
    if hasattr(running.session, "registerProgressHandler") and "connect" in type(running.session).__module__:
        return _ConnectProgress(running.session).read
    return _ClassicProgress(running.session).read


class _Heartbeat:
    """Sends progress when it changed, at least every QUIET_S seconds; never fails or slows the job."""

    SHARE = 0.01
    """Of the driver's time at most: after a look that took long the next one waits longer."""

    def __init__(self, send: Callable[[dict[str, Any]], None], log: logging.Logger, interval_s: float) -> None:
        self._thread = threading.Thread(target=self._run, name="engineshed-heartbeat", daemon=True)
        self._send = send
        self._log = log
        self._interval_s = interval_s
        self._started = time.monotonic()
        self._over = threading.Event()
        self._looking = threading.Lock()
        self._source: Callable[[], dict[str, Any]] | None = None
        self._facts: dict[str, Any] = {}
        self._sent: dict[str, Any] | None = None
        self._sent_at = 0.0
        self._complained = False
        self.note = ""
        self.rows = 0

    def watch(self, running: _Running) -> None:
        """Read progress from this session from now on."""
        with self._quietly():
            self._source = _progress_of(running)

    def freeze(self) -> None:
        """Take the last look at the session: what follows is not the job's own work."""
        with self._quietly():
            self._look()
        self._source = None

    def start(self) -> None:
        """Send from now on."""
        self._thread.start()

    def end(self) -> None:
        """Send the last word on progress, then nothing more; bounded."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        over = False
        wait_s = 0.0
        while not over:
            # The last beat too is this thread's: after a signal the main thread's talk with the JVM is out of step.
            over = self._over.wait(wait_s)
            began = time.monotonic()
            with self._quietly():
                self._look()
            with self._quietly():
                self._tell(began)
            spent = time.monotonic() - began
            wait_s = min(max(self._interval_s, spent / self.SHARE), QUIET_S)

    def _look(self) -> None:
        with self._looking:
            if self._source is not None:
                self._facts = self._source()

    def _tell(self, now: float) -> None:
        facts = {"rows": self.rows, **self._facts} if self.rows else dict(self._facts)
        if self.note:
            facts["note"] = self.note
        if facts != self._sent or now - self._sent_at >= QUIET_S:
            self._send({**facts, "elapsed_s": round(now - self._started, 1)})
            self._sent, self._sent_at = facts, now

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        """Progress is a courtesy, the job is not: one line in the log, then silence."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, the job goes on
            if not self._complained:
                self._complained = True
                self._log.warning("progress is not known at times: %s: %s", type(error).__name__, error)


# ---------------------------------------------------------------------------------------------------------------------
# The job


class Job:
    """What the launch gave the script, and where the script puts its results. Made by `open_job`."""

    def __init__(
        self,
        app_name: str,
        *,
        conf: Mapping[str, str],
        pipes: dagster_pipes.PipesContext | None,
        out: str | None,
        heartbeat_s: float,
    ) -> None:
        self._app_name = app_name
        self._conf = conf
        self._pipes = pipes
        self._log = _logger(app_name, pipes)
        self._launch: Mapping[str, Any] = {}
        self._out = out
        self._running: _Running | None = None
        self._written: dict[tuple[str, str], int | None] = {}
        self._reported: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._heartbeat = _Heartbeat(self._say_progress, self._log, heartbeat_s)
        if pipes is not None:
            self._launch = pipes.extras.get("engineshed") or {}
        _reach_store(self._launch.get("store") or {})
        self._partition = PartitionFilter.from_context(self._launch.get("partition") or {})

    @property
    def orchestrated(self) -> bool:
        """Whether engineshed launched this script; False when a person started it."""
        return self._pipes is not None

    @property
    def log(self) -> logging.Logger:
        """Logs to stderr, and to Dagster when orchestrated."""
        return self._log

    @property
    def token(self) -> str:
        """The name of this attempt; empty by hand."""
        return str(self._launch.get("token", ""))

    @property
    def mode(self) -> str:
        """`sample` or `full`; empty by hand."""
        return str(self._launch.get("mode", ""))

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that the SparkJob has for its script; empty by hand."""
        return self._launch.get("settings") or {}

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that the job declares and must write, for every partition key; empty by hand."""
        return tuple(self._launch.get("tables") or ())

    @property
    def partition(self) -> PartitionFilter:
        """The partitions of this run; by hand, none."""
        return self._partition

    @property
    def session(self) -> SparkSession:
        """The Spark session, started on first use. Its time zone is UTC."""
        return self._started().session

    def places(self, place: str) -> list[str]:
        """Where the files are that the launch found at a path or glob of its own machine, in the order of their names.

        `{dimension}` and `{partition}` stand for the values of all partitions of this run. The place itself where
        nothing was uploaded for it: on the launch's own machine, for s3:// and other addresses, and by hand.
        """
        uploaded: Mapping[str, Any] = self._launch.get("data") or {}
        return [file for one in self._partition.placed(place) for file in uploaded.get(one, (one,))]

    def input_files(self, asset: str, table: str, key: str | None = None) -> list[str]:
        """URIs of the Parquet files of an upstream table, for one own partition key or for all of them.

        Names as they are, for pyarrow, DuckDB or boto3; Spark reads them by `read`, which knows each server's quoting.
        Raises JobError naming the inputs that the launch has.
        """
        inputs: Mapping[str, Any] = self._launch.get("inputs") or {}
        if not self.orchestrated:
            raise JobError(f"input {asset}/{table} is known only to a launch: by hand, read files named by arguments.")
        if key is not None and key not in inputs:
            raise JobError(f"no inputs for the partition key {key!r}: this launch has {_listed(inputs)}.")
        files: dict[str, None] = {}
        for own_key in inputs if key is None else [key]:
            tables = inputs[own_key].get(asset)
            if tables is None or table not in tables:
                there = sorted(f"{a}/{t}" for a, of_asset in inputs[own_key].items() for t in of_asset)
                raise JobError(
                    f"no input {asset}/{table} for the partition key {own_key!r}: there are {_listed(there)}."
                )
            files.update(dict.fromkeys(tables[table]))
        if not inputs:
            raise JobError(f"no input {asset}/{table}: this launch has no inputs. Declare it upstream of the asset.")
        return list(files)

    def read(self, asset: str, table: str, key: str | None = None) -> DataFrame:
        """An upstream table, for one own partition key or for all of them. Raises JobError as `input_files`."""
        files = self.input_files(asset, table, key)
        if not files:
            raise JobError(f"input {asset}/{table} has no files: materialise {asset} again.")
        running = self._started()
        return running.session.read.parquet(*map(running.place, files))

    def write(self, table: str, df: DataFrame, *, key: str | None = None) -> int:
        """Write one declared table of one partition key as Parquet, once.

        key: which partition key, when the run has several. Returns the rows written, read from the files' footers.
        Raises JobError for a table that the job does not declare, a second write, or a missing `key`.
        """
        where, prefix = self._output(table, key)
        uri = f"{prefix.rstrip('/')}/{table}"
        with self._lock:
            if (where, table) in self._written:
                raise JobError(f"table {table!r} is already written for {where!r}: union the parts, write once.")
            self._written[where, table] = None
        self.note(f"writing {table}" + (f" of {where}" if where else ""))
        try:
            running = self._started()
            path = running.place(uri)
            df.write.mode("error").parquet(path)
            rows = _rows_written(running, df, path)
        except BaseException:
            with self._lock:
                self._written.pop((where, table), None)
            raise
        self._written[where, table] = rows
        self._heartbeat.rows += rows
        self.note("")
        self._log.info("wrote %d rows to %s", rows, uri)
        return rows

    def checkpoint(self, name: str, df: DataFrame) -> DataFrame:
        """Write a frame below the attempt (by hand: below the output folder) and read it back.

        For what several tables are made from, so that it is computed once. Nobody publishes it; it is deleted when the
        attempt has published, and by hand when the job ends. Raises JobError by hand without an output folder.
        """
        outputs: Mapping[str, str] = self._launch.get("outputs") or {}
        prefix = next(iter(outputs.values())) if self.orchestrated and outputs else self._out
        if prefix is None:
            raise JobError(f"nowhere to keep {name!r}: give the script `--out DIR` (open_job(out=DIR)).")
        uri = f"{prefix.rstrip('/')}/{SCRATCH_FOLDER}/{name}"
        self.note(f"computing {name}")
        running = self._started()
        path = running.place(uri)
        df.write.mode("overwrite").parquet(path)
        _rows_written(running, df, path)
        self.note("")
        return running.session.read.parquet(path)

    def report(self, metadata: Mapping[str, Any]) -> None:
        """Counts and other facts for the materialisation's metadata; a later call adds to earlier ones.

        Dates, decimals, paths and numpy values are converted, NaN becomes null. Raises JobError for what JSON cannot
        hold.
        """
        plain = _json_safe(metadata, "metadata")
        with self._lock:
            self._reported.update(plain)
        if self._pipes is None:
            self._log.info("report %s", json.dumps(plain, ensure_ascii=False))
        else:
            self._say({REPORT_KEY: plain})

    def read_from(self, inputs: Iterable[Mapping[str, Any]]) -> None:
        """Say which external files the job read, for its provenance: of each `uri`, `size` in bytes and `etag`.

        The etag changes with the content: an object store's own, or what the script takes for it.
        """
        self.report({"inputs": [{"uri": i["uri"], "size": i.get("size"), "etag": i.get("etag")} for i in inputs]})

    def note(self, text: str) -> None:
        """A few words beside the progress on what the job does now; empty takes them away."""
        self._heartbeat.note = text

    def _started(self) -> _Running:
        with self._lock:
            if self._running is None:
                self.note("starting Spark")
                self._running = _start_session(_session_spec(), self._app_name, self._conf, self.orchestrated)
                self._heartbeat.watch(self._running)
                self.note("")
            return self._running

    def _output(self, table: str, key: str | None) -> tuple[str, str]:
        if not self.orchestrated:
            if self._out is None:
                raise JobError(f"nowhere to write table {table!r}: give the script `--out DIR` (open_job(out=DIR)).")
            return (
                key or "",
                self._out if key is None else f"{self._out.rstrip('/')}/{urllib.parse.quote(key, safe='|-=~')}",
            )
        if table not in self.tables:
            raise JobError(f"table {table!r} is not declared by the job: it declares {_listed(self.tables)}.")
        outputs: Mapping[str, str] = self._launch.get("outputs") or {}
        if key is None:
            if len(outputs) != 1:
                raise JobError(
                    f"table {table!r}: this run has several partition keys; give key= one of {_listed(outputs)}."
                )
            key = next(iter(outputs))
        if key not in outputs:
            raise JobError(f"no partition key {key!r} in this run: it has {_listed(outputs)}.")
        return key, outputs[key]

    def _say_progress(self, facts: dict[str, Any]) -> None:
        if self._pipes is not None:
            self._pipes.report_custom_message({PROGRESS_KEY: {**facts, "sent_at": round(time.time(), 3)}})

    def _say(self, payload: Mapping[str, Any]) -> None:
        """A broken channel does not fail a job whose tables say all: the seal beside them carries the same facts."""
        try:
            if self._pipes is not None:
                self._pipes.report_custom_message(payload)
        except OSError as error:
            _complain(f"message not sent: {error}")

    def _begin(self) -> None:
        if self._pipes is not None:
            if "engineshed" not in self._pipes.extras:
                raise JobError(
                    "the Pipes context has no extras['engineshed']: not engineshed launched this script. "
                    "Use dagster_pipes.open_dagster_pipes."
                )
            self._heartbeat.start()

    def _seal(self) -> None:
        """Say that the attempt is complete. Raises JobError naming the tables that were not written."""
        if not self.orchestrated or not self.tables:
            return
        outputs: Mapping[str, str] = self._launch.get("outputs") or {}
        missing = [
            f"{table} of {key}" if key else table
            for key, table in itertools.product(outputs, self.tables)
            if (key, table) not in self._written
        ]
        if missing:
            raise JobError(f"tables declared but not written: {', '.join(missing)}. Nothing is published.")
        tables = {key: {table: self._written[key, table] for table in self.tables} for key in outputs}
        self._heartbeat.freeze()
        self.note("sealing")
        for key, prefix in outputs.items():
            self._write_seal(f"{prefix.rstrip('/')}/{SEAL_FOLDER}", tables[key])
        self.note("")
        self._say({SEAL_KEY: {"tables": tables, "runtime": self._runtime()}})

    def _runtime(self) -> dict[str, str]:
        """The versions that made the tables."""
        versions = {"python": platform.python_version(), "spark": str(self._started().session.version)}
        for package in ("pyspark", "pysail", "pyarrow"):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                versions[package] = importlib.metadata.version(package)
        return versions

    def _write_seal(self, path: str, tables: Mapping[str, int | None]) -> None:
        from pyspark.sql import functions

        facts = {"token": self.token, "tables": json.dumps(tables), "report": json.dumps(self._reported)}
        row = [functions.lit(value).alias(name) for name, value in facts.items()]
        running = self._started()
        running.session.range(0, 1, 1, 1).select(*row).write.mode("overwrite").parquet(running.place(path))

    def _explain(self, error: BaseException) -> None:
        """Lost calls to a server that died say nothing of its death; the note does."""
        code = self._running.server.poll() if self._running and self._running.server else None
        if code is not None and hasattr(error, "add_note"):
            killed = " Killed: out of memory?" if code == -signal.SIGKILL else ""
            error.add_note(f"The server of this session had ended before, with code {code}.{killed}")

    def _stop(self) -> None:
        """End the session; a stop that fails or hangs is logged and left behind."""
        running, self._running = self._running, None
        if self._out is not None and not self.orchestrated:
            shutil.rmtree(Path(self._out) / SCRATCH_FOLDER, ignore_errors=True)
        if running is None:
            return
        failures: list[BaseException] = []

        def stop() -> None:
            try:
                running.stop()
            except BaseException as error:  # noqa: BLE001 - reported below
                failures.append(error)

        stopper = threading.Thread(target=stop, name="engineshed-stop", daemon=True)
        stopper.start()
        stopper.join(STOP_S)
        if stopper.is_alive():
            _complain(f"the session did not stop within {STOP_S:g} s; left behind.")
            if running.server is not None:
                running.server.kill()  # a JVM that hangs keeps the interpreter from leaving
        elif failures:
            _complain(f"the session did not stop well: {failures[0]}")


def _rows_written(running: _Running, df: DataFrame, path: str) -> int:
    """Rows by the footers of the files just written; an empty table gets the file that Sail does not write."""
    local = _local_path(path)
    files = sorted(local.glob("*.parquet")) if local else []
    if files:
        try:
            import pyarrow.parquet as parquet
        except ImportError:
            return running.session.read.parquet(path).count()
        return sum(parquet.read_metadata(file).num_rows for file in files)
    rows = 0 if local else running.session.read.parquet(path).count()
    if not rows and running.decodes:
        _write_empty(df, path)
    return rows


def _local_path(uri: str) -> Path | None:
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme == "file":
        return Path(urllib.parse.unquote(parts.path))
    return Path(uri) if not parts.scheme else None


def _write_empty(df: DataFrame, path: str) -> None:
    # Sail (0.7.2) writes no file for a frame without rows, and reads a folder that does not exist as such a frame.
    import pyarrow.parquet as parquet
    from pyarrow import fs

    # Decodes as Sail does.
    filesystem, folder = (fs.LocalFileSystem(), path) if _local_path(path) else fs.FileSystem.from_uri(path)
    filesystem.create_dir(folder, recursive=True)
    parquet.write_table(df.limit(0).toArrow(), f"{folder}/part-0.parquet", filesystem=filesystem)


@contextlib.contextmanager
def open_job(
    app_name: str,
    *,
    conf: Mapping[str, str] | None = None,
    heartbeat_s: float = 1.0,
    out: str | os.PathLike[str] | None = None,
) -> Iterator[Job]:
    """The job of this process, from `opened` to `closed`.

    app_name: shown by Spark. conf: Spark settings that the script needs; the launch's own settings win. heartbeat_s:
    seconds between looks at the progress. out: by hand, the folder below which `job.write` writes.
    """
    pipes, ours = _open_pipes()
    job = Job(
        app_name,
        conf=dict(conf or {}),
        pipes=pipes,
        out=os.fspath(out) if out is not None else None,
        heartbeat_s=heartbeat_s,
    )
    with _termination(watched=pipes is not None) as termination:
        failure: BaseException | None = None
        leaving: SystemExit | None = None
        try:
            job._begin()
            try:
                yield job
            except SystemExit as error:
                if error.code not in (None, 0):
                    raise
                leaving = error
            termination.check()
            job._seal()
            termination.check()
        except BaseException as error:
            failure = error
            job._explain(error)
            raise
        finally:
            termination.ignore()
            with contextlib.ExitStack() as last_first:
                last_first.callback(job._stop)
                if pipes is not None and ours:
                    last_first.callback(_close_pipes, pipes, failure)
                last_first.callback(job._heartbeat.end)
        if leaving is not None:
            raise leaving


def _open_pipes() -> tuple[dagster_pipes.PipesContext | None, bool]:
    """The Pipes context, which says `opened`, and whether it is ours to close; None by hand."""
    if dagster_pipes.PipesContext.is_initialized():
        pipes = dagster_pipes.PipesContext.get()
        if isinstance(pipes, dagster_pipes.PipesContext):
            if pipes.is_closed:
                raise JobError("the job of this process is closed: a launched process has one job.")
            return pipes, False
    given = _pipes_parameters()
    if not given:
        return None, False
    pipes = dagster_pipes.PipesContext(
        dagster_pipes.PipesMappingParamsLoader(given),
        dagster_pipes.PipesDefaultContextLoader(),
        MessageWriter(),
    )
    dagster_pipes.PipesContext.set(pipes)
    return pipes, True


def _close_pipes(pipes: dagster_pipes.PipesContext, failure: BaseException | None) -> None:
    try:
        if failure is None:
            pipes.close()
        else:
            pipes.__exit__(type(failure), failure, failure.__traceback__)
    except OSError as error:
        _complain(f"`closed` not sent: {error}")


class _Termination:
    """SIGTERM raises Terminated in the main thread, once, until it is ignored."""

    def __init__(self) -> None:
        self._asked = False
        self._ignored = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._asked and not self._ignored:
            self._asked = True
            raise Terminated

    def check(self) -> None:
        """Raises Terminated again where library code swallowed it (a finalizer, a bare except)."""
        if self._asked:
            raise Terminated

    def ignore(self) -> None:
        """From here on the driver is leaving anyway."""
        self._ignored = True


@contextlib.contextmanager
def _termination(*, watched: bool) -> Iterator[_Termination]:
    termination = _Termination()
    if not watched or threading.current_thread() is not threading.main_thread():
        yield termination
        return
    before = signal.signal(signal.SIGTERM, termination.on_signal)
    try:
        yield termination
    finally:
        signal.signal(signal.SIGTERM, before)
