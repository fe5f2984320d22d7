"""What a script finds on the double's drivers."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from databricks.sdk.service.workspace import ImportFormat, Language
from tests.integration.databricks.clients import CLUSTER, VOLUME, Workspace, task
from tests.integration.databricks.scripts import HOME, SERVERLESS, STORE, final, put, run, said


def test_a_script_finds_its_arguments_its_paths_and_no_file(drivers: Workspace) -> None:
    script = """
        import json, os, sys
        print(json.dumps([sys.argv, os.getcwd(), __name__, "__file__" in globals(), os.listdir("/Volumes/main")]))
    """
    given = ("--crawl", "CC MAIN", "{{not.known}}", "--dagster-pipes-context", "eJw=")
    found = said(drivers, run(drivers, script, *given))
    assert found == [[f"{VOLUME}/script.py", *given], "/databricks/driver", "__main__", False, ["default"]]
    assert not Path("/Volumes").exists()


def test_the_files_api_and_the_drivers_paths_show_the_same_bytes(drivers: Workspace) -> None:
    put(drivers, f"{VOLUME}/in/one.txt", "one")
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
    assert said(drivers, run(drivers, script)) == "one"
    download = drivers.client.files.download(f"{VOLUME}/out/three.txt").contents
    assert download is not None
    assert download.read() == b"one two, replaced"
    with drivers.client.dbfs.open("/four.txt", read=True) as file:
        assert file.read() == b"four"


def test_a_volume_refuses_appends_writes_in_the_middle_and_links(drivers: Workspace) -> None:
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
    assert said(drivers, run(drivers, script)) == ["ENOTSUP"] * 3 + ["ENOSYS"] * 2 + ["EEXIST"]


ENV = "import json, os; print(json.dumps({name: os.environ.get(name) for name in %r}))"


def test_variables_are_the_clusters_own(drivers: Workspace) -> None:
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
    job = run(drivers, script, new_cluster=spec)
    assert list(said(drivers, job).values()) == ["job", "sesame", "here", "15.4", "TRUE", None, None]
    cluster_id = job["tasks"][0]["cluster_instance"]["cluster_id"]
    details = drivers.client.clusters.get(cluster_id).spark_env_vars
    assert details == {"OWN": "job", "SECRET": "{{secrets/team/key}}"}
    existing = drivers.double.add_cluster(**{**CLUSTER, "spark_env_vars": {"OWN": "shared"}})
    shared = said(drivers, run(drivers, script, existing_cluster_id=existing))
    assert list(shared.values()) == ["shared", None, "here", "15.4", "FALSE", None, None]
    serverless = said(drivers, run(drivers, script, environment_key="e", environments=SERVERLESS))
    assert list(serverless.values()) == [None, None, "here", "client.4.0", None, "TRUE", None]


def test_serverless_has_variables_from_version_5_on_and_no_dbfs(drivers: Workspace) -> None:
    put(drivers, f"{VOLUME}/job.env", "# a comment\nOWN=file\nOTHER=a=b\n")
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
        done = run(drivers, script, environment_key="e", environment_variables_key="v", **settings)
        found[version] = said(drivers, done)
    assert found == {"4": [None, None, False], "5": ["x", "a=b", False]}


def test_scripts_come_from_volumes_workspace_dbfs_and_object_stores(drivers: Workspace) -> None:
    script = b"import json, os, sys; print(json.dumps([sys.argv[0], os.getcwd(), os.getcwd() in sys.path]))"
    home = HOME.removeprefix("/Workspace")
    drivers.client.workspace.upload(f"{home}/where.py", script, format=ImportFormat.AUTO, overwrite=True)
    drivers.client.dbfs.upload("/where.py", io.BytesIO(script), overwrite=True)
    put(drivers, f"{VOLUME}/where.py", script.decode())
    STORE.put("s3://bucket/code/where.py", script)
    found = {}
    for file in (
        f"{home}/where.py",
        f"/Workspace{home}/where.py",
        "dbfs:/where.py",
        f"dbfs:{VOLUME}/where.py",
        "s3://bucket/code/where.py",
    ):
        done = final(drivers, drivers.submit(task(spark_python_task={"python_file": file})))
        found[file] = said(drivers, done)
    driver = "/databricks/driver"
    assert found == {
        f"{home}/where.py": [f"/Workspace{home}/where.py", f"/Workspace{home}", True],
        f"/Workspace{home}/where.py": [f"/Workspace{home}/where.py", f"/Workspace{home}", True],
        "dbfs:/where.py": ["/dbfs/where.py", driver, False],
        f"dbfs:{VOLUME}/where.py": [f"{VOLUME}/where.py", driver, False],
        "s3://bucket/code/where.py": ["/local_disk0/tmp/where.py", driver, False],
    }


def test_a_script_that_is_not_there_or_is_a_notebook_does_not_start(drivers: Workspace) -> None:
    note = f"{HOME}/note"
    drivers.client.workspace.upload(note, b"x", format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
    for file, code in (
        (f"{VOLUME}/gone.py", "RESOURCE_NOT_FOUND"),
        ("s3://bucket/gone.py", "RESOURCE_NOT_FOUND"),
        (note, "INVALID_RUN_CONFIGURATION"),
    ):
        done = final(drivers, drivers.submit(task(spark_python_task={"python_file": file})))
        assert done["status"]["termination_details"]["code"] == code
        assert not done["tasks"][0]["execution_duration"]


def test_init_scripts_run_before_the_driver_and_can_fail(drivers: Workspace) -> None:
    put(drivers, f"{VOLUME}/init.sh", f'echo "$DB_CLUSTER_ID $OWN" > {VOLUME}/initialised; touch /databricks/marked')
    put(drivers, f"{VOLUME}/broken.sh", "echo 'no disk' >&2; exit 4")

    def on(script: str) -> dict[str, Any]:
        init = [{"volumes": {"destination": f"{VOLUME}/{script}"}}]
        return {**CLUSTER, "init_scripts": init, "spark_env_vars": {"OWN": "x"}}

    marked = "import json, os; print(json.dumps(os.path.exists('/databricks/marked')))"
    done = run(drivers, marked, new_cluster=on("init.sh"))
    assert said(drivers, done) is True
    cluster_id = done["tasks"][0]["cluster_instance"]["cluster_id"]
    assert drivers.double.local(f"{VOLUME}/initialised").read_text() == f"{cluster_id} x\n"
    assert [e["type"] for e in drivers.events(done["run_id"])][1:3] == [
        "INIT_SCRIPTS_STARTED",
        "INIT_SCRIPTS_FINISHED",
    ]
    broken = run(drivers, marked, new_cluster=on("broken.sh"))
    assert broken["status"]["termination_details"]["code"] == "CLUSTER_ERROR"
    assert "INIT_SCRIPT_FAILURE" in broken["tasks"][0]["state"]["state_message"]
    assert "(4): no disk" in broken["tasks"][0]["state"]["state_message"]


def test_a_missing_secret_ends_the_cluster(drivers: Workspace) -> None:
    spec = {**CLUSTER, "spark_env_vars": {"SECRET": "{{secrets/team/gone}}"}}
    done = run(drivers, "print('never')", new_cluster=spec)
    assert "SECRET_RESOLUTION_ERROR" in done["tasks"][0]["state"]["state_message"]


def test_a_notebook_is_not_run(drivers: Workspace) -> None:
    notebook = {"task_key": "main", "notebook_task": {"notebook_path": "/x"}, "new_cluster": CLUSTER}
    done = final(drivers, drivers.submit(notebook))
    assert "runs Python files and wheels, no notebook_task" in done["tasks"][0]["state"]["state_message"]
