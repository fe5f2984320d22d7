"""The driver's Python process: has a session, and then executes the task's file in its own globals, as Databricks does.

So the file finds `spark`, and no `__file__`; `sys.exit(0)` is a good end and any other exception a bad one; what it
registered with `atexit` is not called, since the process of a driver is killed, not ended. Run as a file, with the
task as JSON in the file that the first argument names; imports the standard library, and pyspark for the session.
"""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
import json
import os
import subprocess
import sys
import traceback
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FUSE = ("/Volumes/",)
SAIL = """
from pysail.spark import SparkConnectServer
server = SparkConnectServer("127.0.0.1", 0)
server.start(background=True)
print(server.listening_address[1], flush=True)
import threading
threading.Event().wait()
"""


def main(task: Mapping[str, Any]) -> None:
    """Does not return; leaves `{"error": .., "trace": ..}` in the file `result`, both empty for a good end."""
    # What stands first is this file's folder, which the task's file must not import from.
    sys.path[:1] = task["path"]
    result = {"error": "", "trace": ""}
    try:
        given = session(task)
        sys.addaudithook(_volumes_have_no_appends)
        sys.argv = [task["name"], *task["parameters"]]
        run(task, given)
    except SystemExit as end:
        if end.code not in (None, 0):
            result = _said(end)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the task's end
        result = _said(error)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    part = Path(task["result"] + ".part")
    part.write_text(json.dumps(result))
    part.replace(task["result"])
    os._exit(1 if result["error"] else 0)


def session(task: Mapping[str, Any]) -> dict[str, Any]:
    """The globals that a task's file finds."""
    if task["session"] == "none":
        return {}
    if task["session"] == "sail":
        server = subprocess.Popen([sys.executable, "-c", SAIL], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        os.environ["SPARK_REMOTE"] = f"sc://127.0.0.1:{int(server.stdout.readline())}"
    spark = importlib.import_module("pyspark.sql").SparkSession.builder.getOrCreate()
    return {"spark": spark} if "SPARK_REMOTE" in os.environ else {"spark": spark, "sc": spark.sparkContext}


def run(task: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """The task's file, or the entry point of its wheel."""
    if task.get("entry_point"):
        _entry_point(task["package"], task["entry_point"])()
        return
    filename = task["file"]
    with open(filename, "rb") as file:
        code = compile(file.read(), filename, "exec")
    # A module without `__file__`, and the one that functions to be pickled say that they come from.
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    module.__dict__.update(given)
    exec(code, module.__dict__)


def _entry_point(package: str, name: str) -> Any:
    for point in importlib.metadata.distribution(package).entry_points:
        if point.name == name:
            return point.load()
    return getattr(importlib.import_module(package), name)


def _said(error: BaseException) -> dict[str, str]:
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    text = "".join(traceback.format_exception(type(error), error, frames))
    sys.stderr.write(text)
    return {"error": f"{type(error).__name__}: {error}", "trace": text}


def _volumes_have_no_appends(event: str, arguments: tuple[Any, ...]) -> None:
    """What a volume's file system refuses: appends and writes into a file that is there, links."""
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(FUSE):
        flags = arguments[2] or 0
        writes_into = flags & (os.O_WRONLY | os.O_RDWR) and not flags & (os.O_TRUNC | os.O_EXCL)
        if flags & os.O_APPEND or (writes_into and Path(arguments[0]).exists()):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), arguments[0])
    elif event in ("os.link", "os.symlink") and str(arguments[1]).startswith(FUSE):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(arguments[1]))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
