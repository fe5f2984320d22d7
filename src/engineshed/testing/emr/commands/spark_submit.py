"""`spark-submit` on a cluster: real Spark, with local[n] in the place of YARN, which is the liberty that the double
takes.

All else is as on EMR. Client mode: the driver is the step's own process, in the step's folder, with the exports of
spark-env.sh. Cluster mode: the driver is a process of YARN's (`container`), in a folder of its own, with the
variables of `spark.yarn.appMasterEnv.*` and not those of spark-env.sh; YARN tries it again when it fails; this
command only watches it, so that its end is not the driver's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from engineshed.testing.emr import environment
from engineshed.testing.emr.commands import applications, submission
from engineshed.testing.emr.commands.fetching import NotFetched, copied, fetched, unpacked
from engineshed.testing.emr.commands.submission import CommandInvalid, Submission
from engineshed.testing.emr.executing.configurations import conf_of

_POLL_S = 0.1
_REPORT_S = 1.0
_APP_MASTER = "spark.yarn.appMasterEnv."


def main(argv: list[str]) -> None:
    """Does not return in client mode: it becomes Spark."""
    variables = environment.of_process()
    try:
        asked = submission.read(argv)
        settings = submission.effective(asked, _defaults(asked, variables))
        if asked.application and settings.get("spark.submit.deployMode") == "cluster":
            sys.exit(_in_cluster_mode(asked, settings, variables))
        _in_client_mode(asked, settings, variables)
    except (CommandInvalid, NotFetched) as error:
        _say(f"Error: {error}")
        sys.exit(1)


def _defaults(asked: Submission, variables: Mapping[str, str]) -> dict[str, str]:
    # Spark reads spark-defaults.conf only when it is not told of another file.
    file = asked.properties_file or f"{variables['SPARK_CONF_DIR']}/spark-defaults.conf"
    return conf_of(Path(file).read_text())


def _in_client_mode(asked: Submission, settings: dict[str, str], variables: Mapping[str, str]) -> None:
    here = Path.cwd()
    _refuse_python_that_only_executors_have(settings, variables, here)
    brought = _brought(settings, here / ".staging")
    for address, name in submission.elements(settings.pop("spark.archives", "")):
        unpacked(fetched(address, here / ".staging"), here / name)
    application = _application(asked, here / ".staging")
    _become_spark({**settings, **brought}, asked, application, variables)


def _refuse_python_that_only_executors_have(
    settings: Mapping[str, str], variables: Mapping[str, str], here: Path
) -> None:
    """In client mode archives are unpacked for executors only; here driver and executors share a folder."""
    names = ("spark.pyspark.driver.python", "spark.pyspark.python")
    python = next((settings[name] for name in names if name in settings), "")
    python = python or variables.get("PYSPARK_DRIVER_PYTHON") or variables.get("PYSPARK_PYTHON") or ""
    if "/" in python and not (here / python).exists():
        raise NotFetched(f'Cannot run program "{python}": error=2, No such file or directory (in client mode)')


def _in_cluster_mode(asked: Submission, settings: dict[str, str], variables: Mapping[str, str]) -> int:
    disk = Path(variables["EMR_DOUBLE_DISK"])
    application = applications.create(Path(variables["EMR_DOUBLE_YARN"]), (disk / "started").read_text())
    folder = application.folder
    try:
        brought = _brought(settings, folder / ".staging")
        script = _application(asked, folder / ".staging")
        localized = _localized(settings, folder)
    except NotFetched:
        applications.say(application, "FAILED")
        raise
    if variables.get("EMR_DOUBLE_STEP"):
        with (Path(variables["EMR_DOUBLE_STEP"]) / ".applications").open("a") as known:
            known.write(application.id + "\n")
    master = {name.removeprefix(_APP_MASTER): value for name, value in settings.items() if name.startswith(_APP_MASTER)}
    for name in ("PYSPARK_DRIVER_PYTHON", "PYSPARK_PYTHON"):
        # What Spark's YARN client hands on by itself.
        if name in variables and name not in master:
            master[name] = variables[name]
    attempts = int(settings.get("spark.yarn.maxAppAttempts") or (disk / "am-attempts").read_text())
    conf = {n: v for n, v in {**settings, **brought}.items() if n not in ("spark.archives", "spark.submit.deployMode")}
    order = {
        "argv": _argv(conf, asked, script, variables),
        "env": master,
        "localized": localized,
        "attempts": attempts,
    }
    (folder / "order.json").write_text(json.dumps(order))
    subprocess.run(
        [sys.executable, "-I", "-m", "engineshed.testing.emr.commands.container", str(folder)],
        env=_of_node(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    _say(f"INFO YarnClientImpl: Submitted application {application.id}")
    if settings.get("spark.yarn.submit.waitAppCompletion") == "false":
        return 0
    return _watch(application)


def _of_node(variables: Mapping[str, str]) -> dict[str, str]:
    """What a container's process has before the application's own: nothing of the step, nothing of spark-env.sh."""
    base = json.loads((Path(variables["EMR_DOUBLE_DISK"]) / "node-env.json").read_text())
    return dict(base)


def _watch(application: applications.Application) -> int:
    said_at, said = 0.0, ""
    while True:
        state = applications.state(application)
        if state != said or time.monotonic() - said_at >= _REPORT_S:
            _say(f"INFO Client: Application report for {application.id} (state: {state})")
            said_at, said = time.monotonic(), state
        if state in applications.FINAL:
            break
        time.sleep(_POLL_S)
    if state == "FINISHED":
        return 0
    word = "killed" if state == "KILLED" else "failed"
    why = f"Application {application.id} finished with {word} status"
    _say(f'Exception in thread "main" org.apache.spark.SparkException: {why}')
    return 1


def _brought(settings: Mapping[str, str], staging: Path) -> dict[str, str]:
    """Files, jars and packages fetched; the settings that name them where they are now."""
    brought = {}
    for name in ("spark.files", "spark.jars", "spark.submit.pyFiles"):
        paths = [str(fetched(address, staging, as_)) for address, as_ in submission.elements(settings.get(name, ""))]
        if paths:
            brought[name] = ",".join(paths)
    return brought


def _localized(settings: Mapping[str, str], folder: Path) -> list[list[str]]:
    """What each container finds in its folder: files as they are, archives unpacked under their names."""
    found = []
    for kind, name in (("file", "spark.files"), ("archive", "spark.archives")):
        for address, as_ in submission.elements(settings.get(name, "")):
            found.append([kind, str(fetched(address, folder / ".staging" / kind)), as_])
    return found


def localize(found: list[list[str]], folder: Path) -> None:
    """Put it there. Raises NotFetched."""
    for kind, path, name in found:
        if kind == "archive":
            unpacked(Path(path), folder / name)
        else:
            copied(Path(path), folder / name)


def _application(asked: Submission, staging: Path) -> str:
    return str(fetched(asked.application, staging)) if asked.application else ""


def _argv(settings: Mapping[str, str], asked: Submission, application: str, variables: Mapping[str, str]) -> list[str]:
    master = settings.get("spark.master", "yarn")
    local = master if master.startswith("local") else f"local[{variables['EMR_DOUBLE_CORES']}]"
    here = {**settings, "spark.master": local}
    here.pop("spark.submit.deployMode", None)
    moved = Submission({}, asked.options, asked.switches, "", application, asked.arguments)
    return [f"{variables['SPARK_HOME']}/bin/spark-submit", *submission.written(here, moved)]


def _become_spark(
    settings: Mapping[str, str], asked: Submission, application: str, variables: Mapping[str, str]
) -> None:
    argv = _argv(settings, asked, application, variables)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], argv, dict(variables))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
