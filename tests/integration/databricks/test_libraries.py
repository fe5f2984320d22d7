"""Libraries of tasks on the double."""

from __future__ import annotations

import io
import sys
import zipfile

from tests.integration.databricks.clients import CLUSTER, VOLUME, Workspace
from tests.integration.databricks.scripts import final, output, run, said


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


def test_libraries_are_there_for_the_script_alone(drivers: Workspace) -> None:
    script = "import json, shedlib; print(json.dumps(shedlib.VERSION))"
    one, two = put_wheel(drivers, "shedlib"), put_wheel(drivers, "shedlib", version="2.0", requires="requests>=2")
    assert said(drivers, run(drivers, script, libraries=[{"whl": one}])) == "1.0"
    environment = [{"environment_key": "e", "spec": {"environment_version": "4", "dependencies": [two]}}]
    assert said(drivers, run(drivers, script, environment_key="e", environments=environment)) == "2.0"
    assert output(drivers, run(drivers, script))["error"] == "ModuleNotFoundError: No module named 'shedlib'"
    assert "shedlib" not in sys.modules


def test_a_library_that_cannot_be_installed_ends_the_run_before_the_script(drivers: Workspace) -> None:
    needy = put_wheel(drivers, "needy", requires="no-such-distribution>=1")
    foreign = put_wheel(drivers, "foreign", tag="cp39-cp39-win_amd64")
    for library, text in (
        ({"whl": needy}, "No matching distribution found for no-such-distribution>=1"),
        ({"whl": foreign}, "not a supported wheel on this platform"),
        ({"whl": f"{VOLUME}/wheels/gone-1.0-py3-none-any.whl"}, "No such file"),
        ({"pypi": {"package": "no-such-distribution"}}, "No matching distribution"),
        ({"egg": f"{VOLUME}/x.egg"}, "egg"),
    ):
        done = run(drivers, "print('never')", libraries=[library])
        assert done["status"]["termination_details"]["code"] == "LIBRARY_INSTALLATION_ERROR"
        assert text in done["tasks"][0]["state"]["state_message"]
        assert not output(drivers, done)["logs"]


def test_a_wheel_is_a_task_too(drivers: Workspace) -> None:
    path = put_wheel(drivers, "shedlib")
    work = {"package_name": "shedlib", "entry_point": "run-it", "parameters": ["a"], "named_parameters": {"crawl": "b"}}
    only_wheel = {"task_key": "main", "python_wheel_task": work, "libraries": [{"whl": path}], "new_cluster": CLUSTER}
    assert said(drivers, final(drivers, drivers.submit(only_wheel)))[1:] == ["a", "--crawl=b"]
