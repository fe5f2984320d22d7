"""Tasks that really run: what a driver finds, how it ends, what is left of it."""

from __future__ import annotations

import gzip
import io
import json
import sys
import textwrap
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.workspace import ImportFormat, Language
from tests.integration.databricks.conftest import CLUSTER, VOLUME, Workspace, open_workspace, task

from engineshed.testing.databricks import DatabricksDouble, Faults, Machines, Pace, RunFault, RunTrouble

SERVERLESS = [{"environment_key": "e", "spec": {"environment_version": "4"}}]
ENDS_S = 60.0
SPARK_S = 400.0
"""A JVM that shares two cores with everything else."""


class Store:
    """What an instance profile reaches."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, uri: str) -> bytes:
        if uri not in self.objects:
            raise FileNotFoundError(uri)
        return self.objects[uri]

    def put(self, uri: str, data: bytes) -> None:
        self.objects[uri] = data


STORE = Store()
MACHINES = Machines(
    session="none", connect="none", secrets={"team/key": "sesame"}, env={"PROFILE": "here"}, objects=STORE
)


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    """Drivers without Spark, a thousand times as quick as the vendor's."""
    with DatabricksDouble(execute=True, time_scale=0.001, machines=MACHINES) as double:
        yield open_workspace(double)


def put(workspace: Workspace, path: str, text: str) -> str:
    workspace.client.files.upload(path, io.BytesIO(textwrap.dedent(text).encode()), overwrite=True)
    return path


def final(workspace: Workspace, run_id: int, patience_s: float = ENDS_S) -> dict[str, Any]:
    until = time.monotonic() + patience_s
    while (run := workspace.run(run_id))["status"]["state"] != "TERMINATED":
        assert time.monotonic() < until, run["status"]
        time.sleep(0.02)
    return run


def run(workspace: Workspace, script: str, *parameters: str, name: str = "script.py", **more: Any) -> dict[str, Any]:
    """The run of a script on a volume."""
    file = put(workspace, f"{VOLUME}/{name}", script)
    settings = {
        key: more.pop(key) for key in ("environments", "environment_variables", "timeout_seconds") if key in more
    }
    work, patience_s = {"python_file": file, "parameters": list(parameters)}, more.pop("patience_s", ENDS_S)
    return final(workspace, workspace.submit(task(**{"spark_python_task": work, **more}), **settings), patience_s)


def output(workspace: Workspace, run: Mapping[str, Any]) -> dict[str, Any]:
    task_run = run["tasks"][0]["run_id"]
    found: dict[str, Any] = workspace.call("GET", f"/api/2.2/jobs/runs/get-output?run_id={task_run}").json()
    return found


def said(workspace: Workspace, run: Mapping[str, Any]) -> Any:
    """The one JSON line that the script printed."""
    assert run["state"]["result_state"] == "SUCCESS", output(workspace, run)
    return json.loads(output(workspace, run)["logs"])


def test_a_script_finds_its_arguments_its_paths_and_no_file(workspace: Workspace) -> None:
    script = """
        import json, os, sys
        print(json.dumps([sys.argv, os.getcwd(), __name__, "__file__" in globals(), os.listdir("/Volumes/main")]))
    """
    given = ("--crawl", "CC MAIN", "{{not.known}}", "--dagster-pipes-context", "eJw=")
    found = said(workspace, run(workspace, script, *given))
    assert found == [[f"{VOLUME}/script.py", *given], "/databricks/driver", "__main__", False, ["default"]]
    assert not Path("/Volumes").exists()


def test_the_files_api_and_the_drivers_paths_show_the_same_bytes(workspace: Workspace) -> None:
    put(workspace, f"{VOLUME}/in/one.txt", "one")
    script = f"""
        import json, os, shutil
        from pathlib import Path
        there = Path("{VOLUME}/in/one.txt").read_text()
        Path("{VOLUME}/out").mkdir()
        Path("{VOLUME}/out/two.txt").write_text(there + " two")
        Path("{VOLUME}/out/two.txt").write_text(there + " two, replaced")
        os.rename("{VOLUME}/out/two.txt", "{VOLUME}/out/three.txt")
        Path("/dbfs/four.txt").write_text("four")
        print(json.dumps(there))
    """
    assert said(workspace, run(workspace, script)) == "one"
    download = workspace.client.files.download(f"{VOLUME}/out/three.txt").contents
    assert download is not None
    assert download.read() == b"one two, replaced"
    with workspace.client.dbfs.open("/four.txt", read=True) as file:
        assert file.read() == b"four"


def test_a_volume_refuses_appends_writes_in_the_middle_and_links(workspace: Workspace) -> None:
    script = f"""
        import errno, json, os
        path, refused = "{VOLUME}/log.txt", []
        open(path, "w").write("first")
        def tried(deed):
            try:
                deed()
            except OSError as error:
                refused.append(errno.errorcode[error.errno])
        tried(lambda: open(path, "a"))
        tried(lambda: open(path, "r+"))
        tried(lambda: os.open(path, os.O_WRONLY | os.O_APPEND))
        tried(lambda: os.link(path, path + ".link"))
        tried(lambda: os.symlink(path, path + ".link"))
        tried(lambda: open(path, "x"))
        open("/local_disk0/log.txt", "a").write("elsewhere it works")
        print(json.dumps(refused))
    """
    assert said(workspace, run(workspace, script)) == ["ENOTSUP"] * 3 + ["ENOSYS"] * 2 + ["EEXIST"]


ENV = "import json, os; print(json.dumps({name: os.environ.get(name) for name in %r}))"


def test_variables_are_the_clusters_own(workspace: Workspace) -> None:
    names = [
        "OWN",
        "SECRET",
        "PROFILE",
        "DATABRICKS_RUNTIME_VERSION",
        "DB_IS_JOB_CLUSTER",
        "IS_SERVERLESS",
        "PYTEST_VERSION",
    ]
    script = ENV % names
    spec = {**CLUSTER, "spark_env_vars": {"OWN": "job", "SECRET": "{{secrets/team/key}}"}}
    job = run(workspace, script, new_cluster=spec)
    assert list(said(workspace, job).values()) == ["job", "sesame", "here", "15.4", "TRUE", None, None]
    cluster_id = job["tasks"][0]["cluster_instance"]["cluster_id"]
    details = workspace.client.clusters.get(cluster_id).spark_env_vars
    assert details == {"OWN": "job", "SECRET": "{{secrets/team/key}}"}
    existing = workspace.double.add_cluster(**{**CLUSTER, "spark_env_vars": {"OWN": "shared"}})
    shared = said(workspace, run(workspace, script, existing_cluster_id=existing))
    assert list(shared.values()) == ["shared", None, "here", "15.4", "FALSE", None, None]
    serverless = said(workspace, run(workspace, script, environment_key="e", environments=SERVERLESS))
    assert list(serverless.values()) == [None, None, "here", "client.4.0", None, "TRUE", None]


def test_serverless_has_variables_from_version_5_on_and_no_dbfs(workspace: Workspace) -> None:
    put(workspace, f"{VOLUME}/job.env", "# a comment\nOWN=file\nOTHER=a=b\n")
    script = (
        "import json, os; print(json.dumps([os.environ.get('OWN'), os.environ.get('OTHER'), os.path.exists('/dbfs')]))"
    )
    variables = [
        {"environment_variables_key": "v", "spec": {"variables": {"OWN": "x"}, "files": [f"{VOLUME}/job.env"]}}
    ]
    found = {}
    for version in ("4", "5"):
        settings = {
            "environments": [{"environment_key": "e", "spec": {"environment_version": version}}],
            "environment_variables": variables,
        }
        done = run(workspace, script, environment_key="e", environment_variables_key="v", **settings)
        found[version] = said(workspace, done)
    assert found == {"4": [None, None, False], "5": ["x", "a=b", False]}


@pytest.mark.parametrize(
    ("script", "result", "error"),
    [
        ("import sys; sys.exit(0)", "SUCCESS", None),
        ("import sys; sys.exit()", "SUCCESS", None),
        ("import sys; sys.exit(3)", "FAILED", "SystemExit: 3"),
        ("import sys; sys.exit('no crawl')", "FAILED", "SystemExit: no crawl"),
        ("def f():\n  raise ValueError('no such crawl')\nf()", "FAILED", "ValueError: no such crawl"),
        ("this is no python", "FAILED", "SyntaxError: invalid syntax (script.py, line 1)"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "FAILED",
            "Fatal error: The Python kernel is unresponsive.",
        ),
    ],
)
def test_how_a_script_ends(workspace: Workspace, script: str, result: str, error: str | None) -> None:
    done = run(workspace, script)
    left = output(workspace, done)
    assert (done["state"]["result_state"], left.get("error")) == (result, error)
    if error:
        assert done["status"]["termination_details"]["code"] == "RUN_EXECUTION_ERROR"
        assert done["status"]["termination_details"]["type"] == "CLIENT_ERROR"
    if "ValueError" in (error or ""):
        assert f'File "{VOLUME}/script.py", line 2, in f' in left["error_trace"]
        assert "repl.py" not in left["error_trace"]
        assert left["error_trace"] in left["logs"]


def test_what_a_script_started_ends_with_it_and_atexit_is_not_called(workspace: Workspace) -> None:
    script = f"""
        import atexit, subprocess, threading, time
        from pathlib import Path
        atexit.register(lambda: Path("{VOLUME}/atexit").write_text("called"))
        subprocess.Popen(["sleep", "598"])
        threading.Thread(target=time.sleep, args=(598,)).start()
    """
    started = time.monotonic()
    assert run(workspace, script)["state"]["result_state"] == "SUCCESS"
    assert time.monotonic() - started < 30
    assert not workspace.double.platform.storage.local(f"{VOLUME}/atexit").exists()
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if p.read_bytes() == b"sleep\x00598\x00"]


def started(workspace: Workspace, name: str) -> None:
    until = time.monotonic() + ENDS_S
    while not workspace.double.platform.storage.local(f"{VOLUME}/{name}").exists():
        assert time.monotonic() < until
        time.sleep(0.02)


WAITS = """
    import time
    from pathlib import Path
    Path("{volume}/{name}").write_text("started")
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        Path("{volume}/{name}-interrupted").write_text("told")
        {then}
"""


@pytest.mark.parametrize(("name", "then"), [("gives-in", "raise"), ("goes-on", "time.sleep(600)")])
def test_cancel_interrupts_the_script_and_then_kills_it(workspace: Workspace, name: str, then: str) -> None:
    file = put(workspace, f"{VOLUME}/{name}.py", WAITS.format(volume=VOLUME, name=name, then=then))
    run_id = workspace.submit(task(spark_python_task={"python_file": file}))
    started(workspace, name)
    asked = time.monotonic()
    workspace.client.jobs.cancel_run(run_id)
    assert time.monotonic() - asked < 5
    run = final(workspace, run_id)
    assert run["state"]["result_state"] == "CANCELED"
    started(workspace, f"{name}-interrupted")
    assert run["end_time"] - run["start_time"] < 60_000


def test_a_script_over_its_time_is_ended(workspace: Workspace) -> None:
    done = run(workspace, WAITS.format(volume=VOLUME, name="too-long", then="raise"), timeout_seconds=2)
    assert done["state"]["result_state"] == "TIMEDOUT"


def test_scripts_come_from_volumes_workspace_dbfs_and_object_stores(workspace: Workspace) -> None:
    script = b"import json, os, sys; print(json.dumps([sys.argv[0], os.getcwd(), os.getcwd() in sys.path]))"
    home = "/Users/double@example.com"
    workspace.client.workspace.upload(f"{home}/where.py", script, format=ImportFormat.AUTO, overwrite=True)
    workspace.client.dbfs.upload("/where.py", io.BytesIO(script), overwrite=True)
    put(workspace, f"{VOLUME}/where.py", script.decode())
    STORE.put("s3://bucket/code/where.py", script)
    found = {}
    for file in (
        f"{home}/where.py",
        f"/Workspace{home}/where.py",
        "dbfs:/where.py",
        f"dbfs:{VOLUME}/where.py",
        "s3://bucket/code/where.py",
    ):
        done = final(workspace, workspace.submit(task(spark_python_task={"python_file": file})))
        found[file] = said(workspace, done)
    driver = "/databricks/driver"
    assert found == {
        f"{home}/where.py": [f"/Workspace{home}/where.py", f"/Workspace{home}", True],
        f"/Workspace{home}/where.py": [f"/Workspace{home}/where.py", f"/Workspace{home}", True],
        "dbfs:/where.py": ["/dbfs/where.py", driver, False],
        f"dbfs:{VOLUME}/where.py": [f"{VOLUME}/where.py", driver, False],
        "s3://bucket/code/where.py": ["/local_disk0/tmp/where.py", driver, False],
    }


def test_a_script_that_is_not_there_or_is_a_notebook_does_not_start(workspace: Workspace) -> None:
    note = "/Users/double@example.com/note"
    workspace.client.workspace.upload(note, b"x", format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
    for file, code in (
        (f"{VOLUME}/gone.py", "RESOURCE_NOT_FOUND"),
        ("s3://bucket/gone.py", "RESOURCE_NOT_FOUND"),
        (note, "INVALID_RUN_CONFIGURATION"),
    ):
        done = final(workspace, workspace.submit(task(spark_python_task={"python_file": file})))
        assert done["status"]["termination_details"]["code"] == code
        assert not done["tasks"][0]["execution_duration"]


def wheel(name: str, version: str = "1.0", requires: str = "", tag: str = "py3-none-any") -> bytes:
    """A wheel with one module of that name and an entry point."""
    data, info = io.BytesIO(), f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(
            f"{name}.py", f"import json, sys\nVERSION = {version!r}\ndef main():\n    print(json.dumps(sys.argv))\n"
        )
        archive.writestr(f"{info}/METADATA", metadata + (f"Requires-Dist: {requires}\n" if requires else ""))
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\nrun-it = {name}:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return data.getvalue()


def put_wheel(workspace: Workspace, name: str, **more: str) -> str:
    version, tag = more.get("version", "1.0"), more.get("tag", "py3-none-any")
    path = f"{VOLUME}/wheels/{name}-{version}-{tag}.whl"
    workspace.client.files.upload(path, io.BytesIO(wheel(name, **more)), overwrite=True)
    return path


def test_libraries_are_there_for_the_script_alone(workspace: Workspace) -> None:
    script = "import json, shedlib; print(json.dumps(shedlib.VERSION))"
    one, two = put_wheel(workspace, "shedlib"), put_wheel(workspace, "shedlib", version="2.0", requires="requests>=2")
    assert said(workspace, run(workspace, script, libraries=[{"whl": one}])) == "1.0"
    environment = [{"environment_key": "e", "spec": {"environment_version": "4", "dependencies": [two]}}]
    assert said(workspace, run(workspace, script, environment_key="e", environments=environment)) == "2.0"
    assert output(workspace, run(workspace, script))["error"] == "ModuleNotFoundError: No module named 'shedlib'"
    assert "shedlib" not in sys.modules


def test_a_library_that_cannot_be_installed_ends_the_run_before_the_script(workspace: Workspace) -> None:
    needy = put_wheel(workspace, "needy", requires="no-such-distribution>=1")
    foreign = put_wheel(workspace, "foreign", tag="cp39-cp39-win_amd64")
    for library, text in (
        ({"whl": needy}, "No matching distribution found for no-such-distribution>=1"),
        ({"whl": foreign}, "not a supported wheel on this platform"),
        ({"whl": f"{VOLUME}/wheels/gone-1.0-py3-none-any.whl"}, "No such file"),
        ({"pypi": {"package": "no-such-distribution"}}, "No matching distribution"),
        ({"egg": f"{VOLUME}/x.egg"}, "egg"),
    ):
        done = run(workspace, "print('never')", libraries=[library])
        assert done["status"]["termination_details"]["code"] == "LIBRARY_INSTALLATION_ERROR"
        assert text in done["tasks"][0]["state"]["state_message"]
        assert not output(workspace, done)["logs"]


def test_a_wheel_is_a_task_too(workspace: Workspace) -> None:
    path = put_wheel(workspace, "shedlib")
    work = {"package_name": "shedlib", "entry_point": "run-it", "parameters": ["a"], "named_parameters": {"crawl": "b"}}
    only_wheel = {"task_key": "main", "python_wheel_task": work, "libraries": [{"whl": path}], "new_cluster": CLUSTER}
    assert said(workspace, final(workspace, workspace.submit(only_wheel)))[1:] == ["a", "--crawl=b"]


def test_init_scripts_run_before_the_driver_and_can_fail(workspace: Workspace) -> None:
    put(workspace, f"{VOLUME}/init.sh", f'echo "$DB_CLUSTER_ID $OWN" > {VOLUME}/initialised; touch /databricks/marked')
    put(workspace, f"{VOLUME}/broken.sh", "echo 'no disk' >&2; exit 4")

    def on(script: str) -> dict[str, Any]:
        init = [{"volumes": {"destination": f"{VOLUME}/{script}"}}]
        return {**CLUSTER, "init_scripts": init, "spark_env_vars": {"OWN": "x"}}

    marked = "import json, os; print(json.dumps(os.path.exists('/databricks/marked')))"
    done = run(workspace, marked, new_cluster=on("init.sh"))
    assert said(workspace, done) is True
    cluster_id = done["tasks"][0]["cluster_instance"]["cluster_id"]
    assert workspace.double.platform.storage.local(f"{VOLUME}/initialised").read_text() == f"{cluster_id} x\n"
    assert [e["type"] for e in workspace.events(done["run_id"])][1:3] == [
        "INIT_SCRIPTS_STARTED",
        "INIT_SCRIPTS_FINISHED",
    ]
    broken = run(workspace, marked, new_cluster=on("broken.sh"))
    assert broken["status"]["termination_details"]["code"] == "CLUSTER_ERROR"
    assert "INIT_SCRIPT_FAILURE" in broken["tasks"][0]["state"]["state_message"]
    assert "(4): no disk" in broken["tasks"][0]["state"]["state_message"]


def test_a_missing_secret_ends_the_cluster(workspace: Workspace) -> None:
    spec = {**CLUSTER, "spark_env_vars": {"SECRET": "{{secrets/team/gone}}"}}
    done = run(workspace, "print('never')", new_cluster=spec)
    assert "SECRET_RESOLUTION_ERROR" in done["tasks"][0]["state"]["state_message"]


def test_a_notebook_is_not_run(workspace: Workspace) -> None:
    notebook = {"task_key": "main", "notebook_task": {"notebook_path": "/x"}, "new_cluster": CLUSTER}
    done = final(workspace, workspace.submit(notebook))
    assert "runs Python files and wheels, no notebook_task" in done["tasks"][0]["state"]["state_message"]


def delivered(workspace: Workspace, run: Mapping[str, Any], destination: str) -> dict[str, bytes]:
    cluster_id = run["tasks"][0]["cluster_instance"]["cluster_id"]
    folder = workspace.double.platform.storage.local(f"{destination}/{cluster_id}/driver")
    return {path.name: path.read_bytes() for path in folder.glob("[!.]*")} if folder.is_dir() else {}


def test_logs_are_pushed_while_the_driver_runs_rolled_by_the_hour_and_whole_at_the_end() -> None:
    # A push every 0.3 s, an hour of 0.9 s.
    pace = Pace(log_push_s=0.3, log_roll_s=0.9, cluster_start_s=0, library_s=0, terminate_s=0.1)
    with DatabricksDouble(execute=True, time_scale=1, pace=pace, machines=MACHINES) as double:
        workspace = open_workspace(double)
        script = """
            import sys, time
            for number in range(60):
                print(number, flush=True)
                time.sleep(0.05)
            print("end", file=sys.stderr)
        """
        file = put(workspace, f"{VOLUME}/long.py", script)
        spec = {**CLUSTER, "cluster_log_conf": {"volumes": {"destination": f"{VOLUME}/logs"}}}
        run_id = workspace.submit(task(spark_python_task={"python_file": file}, new_cluster=spec))
        early: dict[str, bytes] = {}
        until = time.monotonic() + ENDS_S
        while not early.get("stdout"):
            assert time.monotonic() < until
            running = workspace.run(run_id)
            if "cluster_instance" in running["tasks"][0]:
                early = delivered(workspace, running, f"{VOLUME}/logs")
        done = final(workspace, run_id)
        assert done["state"]["result_state"] == "SUCCESS"
        time.sleep(1)
        logs = delivered(workspace, done, f"{VOLUME}/logs")
        archives = sorted(name for name in logs if name.startswith("stdout--"))
        assert len(archives) >= 2
        assert all(name.endswith("-00") and len(name) == len("stdout--2026-03-11--18-00") for name in archives)
        whole = b"".join(logs[name] for name in [*archives, "stdout"])
        assert whole.split() == [str(n).encode() for n in range(60)]
        assert early["stdout"] in whole
        assert b"".join(logs[name] for name in sorted(logs) if name.startswith("stderr")) == b"end\n"


def test_logs_can_be_slow_and_go_to_dbfs_and_object_stores(workspace: Workspace) -> None:
    for kind, destination in (("dbfs", "dbfs:/logs"), ("s3", "s3://bucket/logs")):
        conf = {"destination": destination, **({"region": "us-east-1"} if kind == "s3" else {})}
        done = run(workspace, "print('here')", new_cluster={**CLUSTER, "cluster_log_conf": {kind: conf}})
        cluster_id = done["tasks"][0]["cluster_instance"]["cluster_id"]
        until = time.monotonic() + ENDS_S
        found = None
        while found is None:
            assert time.monotonic() < until
            path = workspace.double.platform.storage.local(f"/dbfs/logs/{cluster_id}/driver/stdout")
            at_s3 = STORE.objects.get(f"s3://bucket/logs/{cluster_id}/driver/stdout")
            found = at_s3 or (path.read_bytes() if path.exists() else None)
        assert found == b"here\n"
    workspace.double.plan(Faults(log_push_s=600))
    slow = {**CLUSTER, "cluster_log_conf": {"volumes": {"destination": f"{VOLUME}/slow"}}}
    done = run(workspace, "print('here')", new_cluster=slow)
    time.sleep(0.5)
    assert not delivered(workspace, done, f"{VOLUME}/slow")
    workspace.double.plan(Faults())


def test_a_lost_driver_takes_the_script_with_it(workspace: Workspace) -> None:
    workspace.double.plan(Faults(runs=(RunFault(trouble=RunTrouble.DRIVER_LOST, at_s=1.0),)))
    done = run(workspace, WAITS.format(volume=VOLUME, name="lost", then="raise"))
    assert done["status"]["termination_details"]["code"] == "CLOUD_FAILURE"
    assert not workspace.double.platform.storage.local(f"{VOLUME}/lost-interrupted").exists()


def test_get_output_gives_the_last_five_megabytes(workspace: Workspace) -> None:
    done = run(workspace, "print('first'); print('x' * 6_000_000); print('last')")
    left = output(workspace, done)
    assert (len(left["logs"]), left["logs_truncated"]) == (5 * 1024 * 1024, True)
    assert left["logs"].endswith("last\n")


SPARK = f"""
    import json
    from pyspark.sql import SparkSession
    same = SparkSession.builder.appName("own").getOrCreate() is spark
    spark.range(10).write.mode("overwrite").parquet("{VOLUME}/table")
    rows = spark.read.parquet("{VOLUME}/table").count()
    conf = spark.conf.get("spark.team.setting", None)
    print(json.dumps([same, rows, conf, type(spark).__module__, "sc" in globals()]))
"""


@pytest.mark.needs_java
def test_a_classic_session_is_there_with_the_clusters_configuration() -> None:
    with DatabricksDouble(execute=True, time_scale=0.001) as double:
        workspace = open_workspace(double)
        spec = {
            **CLUSTER,
            "spark_conf": {"spark.team.setting": "set"},
            "cluster_log_conf": {"volumes": {"destination": f"{VOLUME}/logs"}},
        }
        done = run(workspace, SPARK, new_cluster=spec, patience_s=SPARK_S)
        assert done["state"]["result_state"] == "SUCCESS", output(workspace, done)
        line = next(line for line in output(workspace, done)["logs"].splitlines() if line.startswith("[true"))
        assert json.loads(line) == [True, 10, "set", "pyspark.sql.session", True]
        time.sleep(0.5)
        logs = delivered(workspace, done, f"{VOLUME}/logs")
        log4j = b"".join(
            gzip.decompress(data) if name.endswith(".gz") else data
            for name, data in sorted(logs.items())
            if "log4j" in name
        )
        assert b"INFO" in log4j
        assert list(workspace.client.files.list_directory_contents(f"{VOLUME}/table"))


def test_a_serverless_session_is_spark_connects() -> None:
    pytest.importorskip("pysail")
    with DatabricksDouble(execute=True, time_scale=0.001) as double:
        workspace = open_workspace(double)
        script = SPARK.replace('conf = spark.conf.get("spark.team.setting", None)', "conf = None")
        done = run(workspace, script, environment_key="e", environments=SERVERLESS, patience_s=SPARK_S)
        assert done["state"]["result_state"] == "SUCCESS", output(workspace, done)
        line = next(line for line in output(workspace, done)["logs"].splitlines() if line.startswith("[true"))
        assert json.loads(line) == [True, 10, None, "pyspark.sql.connect.session", False]
