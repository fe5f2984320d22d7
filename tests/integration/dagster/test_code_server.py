"""The whole of Dagster short of its pages: a code server, its run launcher, its retry daemon and its dead workers."""

from __future__ import annotations

import logging
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.job import _create_run
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import consume_new_runs_for_automatic_reexecution

from .project import DRIVER_LINES, Project, alive, configure, wait_for


class Server:
    """A code server with the definitions of a project."""

    def __init__(self, project: Project, instance: dg.DagsterInstance, context: WorkspaceProcessContext) -> None:
        self.project, self.instance, self._context = project, instance, context

    def launch(self) -> str:
        """A run of `numbers`, by the run launcher. Its id."""
        workspace = self._context.create_request_context()
        (location,) = workspace.code_locations
        (repository,) = location.get_repositories().values()
        job = repository.get_full_job("numbers_job")
        tags = {"dagster/partition": "a"}
        run = _create_run(self.instance, location, repository, job, {}, tags, None, None)
        self.instance.launch_run(run.run_id, workspace)
        return run.run_id

    def retry(self, run_id: str) -> str:
        """What the retry daemon does about a failed run. The child's id."""
        record = self.instance.get_run_record_by_id(run_id)
        assert record is not None
        for _ in consume_new_runs_for_automatic_reexecution(self._context, [record], logging.getLogger()):
            pass
        (child,) = self.instance.get_runs(dg.RunsFilter(tags={"dagster/parent_run_id": run_id}))
        return child.run_id

    def run(self, run_id: str) -> dg.DagsterRun:
        """As it is now."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def ended(self, run_id: str) -> dg.DagsterRun:
        """The run after its end."""
        wait_for(lambda: self.run(run_id).is_finished, f"the end of run {run_id}")
        return self.run(run_id)

    def says(self, run_id: str, pattern: str) -> str:
        """The first group of the pattern in the run's log, waited for."""
        found = wait_for(lambda: re.search(pattern, self.project.said(self.run(run_id))), f"{pattern} in the log")
        return found.group(0) if not found.groups() else found.group(1)


@pytest.fixture
def server(project: Project) -> Iterator[Server]:
    at_once = {"module": "dagster.core.run_coordinator", "class": "DefaultRunCoordinator"}
    configure(project.folder, run_retries={"enabled": True, "max_retries": 1}, run_coordinator=at_once)
    folder = str(project.folder)
    target = PythonFileTarget(
        python_file=str(project.folder / "definitions.py"),
        attribute=None,
        working_directory=folder,
        location_name="tests",
    )
    with ExitStack() as open_things:
        instance = open_things.enter_context(dg.DagsterInstance.from_config(str(Path(folder, "dagster"))))
        context = open_things.enter_context(WorkspaceProcessContext(instance, target))
        yield Server(project, instance, context)


def test_a_killed_run_worker_is_succeeded_by_a_retry(server: Server, project: Project) -> None:
    parent = server.launch()
    server.says(parent, "line 5")
    os.kill(int(server.says(parent, r"Executing steps in process \(pid: (\d+)\)")), signal.SIGKILL)
    assert server.ended(parent).status is dg.DagsterRunStatus.FAILURE
    wait_for(lambda: server.run(parent).tags.get("dagster/will_retry") == "true", "the word of a retry")
    child = server.retry(parent)
    project.open_gate()
    ended = server.ended(child)
    assert ended.status is dg.DagsterRunStatus.SUCCESS, project.said(ended)
    assert ended.root_run_id == parent
    assert len(project.marks) == len(project.commits("numbers", "a")) == 1
    (materialisation,) = project.materialisations("numbers")
    assert materialisation.metadata["engineshed/adopted"].value is True
    said = [line.removeprefix("[repeated?] ") for line in project.messages(server.run(parent), ended)]
    assert set(DRIVER_LINES) <= set(said)


def test_a_run_terminated_by_its_launcher_ends_its_driver(server: Server, project: Project) -> None:
    run_id = server.launch()
    server.says(run_id, "line 5")
    assert server.instance.run_launcher.terminate(run_id)
    wait_for(lambda: not alive(project.marks[0]["pid"]), "the driver's end", 15)
    assert server.ended(run_id).status is dg.DagsterRunStatus.CANCELED
    assert not project.materialisations("numbers")
    assert project.commits("numbers", "a") == ()
