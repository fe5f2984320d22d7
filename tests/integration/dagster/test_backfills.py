"""Backfills carried out by the real sensor: the command submits, Dagster's daemon ticks, its launcher starts runs."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.sensor import execute_sensor_iteration

from engineshed.cli import cli
from engineshed.model.backfill import BACKFILL_TAG, Backfill, BackfillState
from engineshed.model.budget import Account, BudgetScope, Standing
from engineshed.model.errors import SettingInvalid
from engineshed.planning.backfill_guard import ASKED

from .project import Project, configure, wait_for
from .sensor_daemon import target_of

KEYS = list("abcde")
LOCATION = """\
team: tests
code_location: tests
home: home
engines: {sail: {usd_per_hour: 3600}}
objective: {pin: sail}
"""
"""A second is a dollar."""


class House:
    """A code location with its daemon and its commands."""

    def __init__(self, project: Project, context: WorkspaceProcessContext) -> None:
        self.project, self.context = project, context

    def call(self, *words: str) -> str:
        """A command's output."""
        location = str(self.project.folder / "location.yaml")
        found = CliRunner().invoke(cli, [*words, "--location", location], catch_exceptions=False)
        assert found.exit_code == 0, found.output
        return found.output

    def submit(self, *words: str) -> str:
        """A backfill's id."""
        told = json.loads(self.call("backfill-plan", "filled", *words, "--submit", "--json"))
        return str(told["submitted"])

    def tick(self) -> None:
        """One round of the daemon."""
        list(execute_sensor_iteration(self.context, logging.getLogger("daemon"), None, None))

    def row(self, id_: str) -> Backfill:
        found = self.project.ledger.backfill(id_)
        assert found is not None
        return found

    def carried_to(self, id_: str, *states: BackfillState) -> Backfill:
        """Ticks until the backfill is in one of the states."""

        def look() -> bool:
            self.tick()
            return self.row(id_).state in states

        wait_for(look, f"backfill {id_} {states}: {self.said()}", 600)
        return self.row(id_)

    def probe(self) -> None:
        """One run of the asset, so that its cost is known."""
        self.project.open_gate()
        run = self.project.run("filled", partition="a")
        assert run.status is dg.DagsterRunStatus.SUCCESS, self.project.said(run)

    def shut_gate(self) -> None:
        """Drivers stop at their fifth line."""
        (self.project.folder / "go").unlink()

    def spoil(self, key: str) -> None:
        """Every run of that partition fails."""
        (self.project.folder / f"spoiled-{key}").touch()

    def standing(self, id_: str) -> Standing:
        """The money of a backfill."""
        return self.project.ledger.standing(Account(BudgetScope.BACKFILL, id_))

    def look_in_vain(self) -> None:
        """The code server makes a look, and its answer is lost."""
        (location,) = self.context.create_request_context().code_locations
        (repository,) = location.get_repositories().values()
        (sensor,) = repository.get_sensors()
        answer = location.get_sensor_execution_data(
            name=sensor.name,
            instance=self.context.instance,
            repository_handle=repository.handle,
            last_tick_completion_time=None,
            last_run_key=None,
            cursor=None,
            log_key=["lost"],
            last_sensor_start_time=None,
        )
        assert len(answer.run_requests or []) == 2

    def runs(self, id_: str) -> list[dg.DagsterRun]:
        return list(self.project.instance.get_runs(dg.RunsFilter(tags={BACKFILL_TAG: id_})))

    def made(self) -> dict[str, int]:
        """How often each partition was materialised."""
        return dict(Counter(str(m.partition) for m in self.project.materialisations("filled")))

    def said(self) -> list[str]:
        """What the sensor said in its ticks, newest first."""
        states = self.project.instance.all_instigator_state(instigator_type=InstigatorType.SENSOR)
        ticks = [t for s in states for t in self.project.instance.get_ticks(s.instigator_origin_id, s.selector_id)]
        return [str(t.skip_reason or t.error or "") for t in ticks]


@pytest.fixture
def house(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    at_once = {"module": "dagster.core.run_coordinator", "class": "DefaultRunCoordinator"}
    configure(project.folder, run_coordinator=at_once)
    monkeypatch.syspath_prepend(str(project.folder))
    monkeypatch.syspath_prepend(str(project.folder.parent))
    monkeypatch.setenv("DAGSTER_HOME", str(project.folder / "dagster"))
    (project.folder / "location.yaml").write_text(LOCATION, encoding="utf-8")
    with ExitStack() as open_things:
        instance = open_things.enter_context(dg.DagsterInstance.from_config(str(project.folder / "dagster")))
        context = open_things.enter_context(WorkspaceProcessContext(instance, target_of(project.folder)))
        yield House(project, context)


def test_a_budget_stops_a_backfill_in_the_middle_and_raised_it_goes_on_until_each_partition_is_made_once(
    house: House,
) -> None:
    house.probe()
    planned = json.loads(house.call("backfill-plan", "filled", "--missing", "--chunk", "2", "--json"))
    assert planned["chunks"] == [["b", "c"], ["d", "e"]]
    assert {p["engine"] for p in planned["partitions"]} == {"sail"}
    one_usd = Decimal(planned["partitions"][0]["expected_usd"])

    budget_usd = (one_usd * Decimal("2.5")).quantize(Decimal("0.01"))
    house.shut_gate()
    id_ = house.submit("--missing", "--chunk", "2", "--budget", f"{budget_usd}")
    house.tick()
    wait_for(lambda: len(house.project.marks) == 3, "two drivers beside the first run's")
    house.tick()
    assert len(house.runs(id_)) == 2
    live = house.standing(id_)
    assert live.spent_usd == 0 < live.reserved_usd <= budget_usd
    started_s = time.monotonic()
    wait_for(lambda: 2 * (time.monotonic() - started_s) > budget_usd, "two runs that take more than is left")
    house.project.open_gate()

    paused = house.carried_to(id_, BackfillState.PAUSED)
    assert (paused.launched, house.made()) == (2, dict.fromkeys("abc", 1))
    assert re.search(r"has \$0\.0000 left, partition 'd' is forecast to cost \$\d", paused.reason)
    assert f"engineshed backfill resume {id_} --budget DOLLARS" in paused.reason
    house.tick()
    assert len(house.runs(id_)) == 2
    spent_usd = house.standing(id_).spent_usd
    assert spent_usd > budget_usd
    with pytest.raises(SettingInvalid, match=r"has committed \$\d.* of its budget of .*: give more with --budget"):
        house.call("backfill", "resume", id_)

    assert "is running" in house.call("backfill", "resume", id_, "--budget", "1000")
    done = house.carried_to(id_, BackfillState.DONE)
    assert (done.launched, done.settled) == (4, 4)
    assert house.made() == dict.fromkeys(KEYS, 1)
    assert Counter(run.tags["dagster/partition"] for run in house.runs(id_)) == dict.fromkeys("bcde", 1)
    attempts = house.project.ledger.attempts_of_backfill(id_)
    assert sorted(a.intent.key.partition_keys for a in attempts) == [(key,) for key in "bcde"]
    assert any("in work" in line for line in house.said())
    shown = house.call("backfill", "show", id_)
    assert "4 of 4 partitions launched, in chunks of 2" in shown
    assert "done" in shown


def test_a_failed_partition_pauses_the_backfill_and_is_tried_again_or_left_out(house: House) -> None:
    house.probe()
    id_ = house.submit("--partitions", "b...d", "--chunk", "2", "--engine", "sail")
    house.spoil("c")
    paused = house.carried_to(id_, BackfillState.PAUSED)
    assert (paused.failed, paused.launched) == (("c",), 2)
    assert "1 partition (c) failed" in paused.reason
    house.call("backfill", "resume", id_)
    again = house.carried_to(id_, BackfillState.PAUSED)
    assert (again.failed, again.tries) == (("c",), 2)
    assert house.made() == {"a": 1, "b": 1}
    house.call("backfill", "resume", id_, "--skip-failed")
    done = house.carried_to(id_, BackfillState.DONE)
    assert done.skipped == ("c",)
    assert house.made() == {"a": 1, "b": 1, "d": 1}
    assert Counter(run.tags["dagster/partition"] for run in house.runs(id_)) == {"b": 1, "c": 2, "d": 1}


@pytest.mark.parametrize("point", ["RUN_IDS_RESERVED", "RUN_CREATED"])
def test_a_daemon_killed_between_the_ledgers_word_and_the_runs_is_made_good_by_the_next(
    house: House, point: str
) -> None:
    house.probe()
    id_ = house.submit("--partitions", "b...c", "--chunk", "2")
    killed = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("sensor_daemon.py")), str(house.project.folder), point],
        env={**os.environ, "PYTHONPATH": str(house.project.folder)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert house.row(id_).launched == 2, "written before anything was launched"
    assert house.made() == {"a": 1}
    house.carried_to(id_, BackfillState.DONE)
    assert house.made() == dict.fromkeys("abc", 1)
    assert Counter(run.tags["dagster/partition"] for run in house.runs(id_)) == dict.fromkeys("bc", 1)


def test_runs_that_were_asked_for_and_lost_with_their_tick_are_asked_for_again(house: House) -> None:
    house.probe()
    id_ = house.submit("--partitions", "b", "--partitions", "c", "--chunk", "2")
    house.look_in_vain()
    asked = house.row(id_)
    assert (asked.launched, house.runs(id_)) == (2, [])
    house.tick()
    assert house.runs(id_) == [], "they may be on their way"
    assert asked.asked_at is not None
    assert house.project.ledger.move_backfill(replace(asked, asked_at=asked.asked_at - ASKED))
    house.carried_to(id_, BackfillState.DONE)
    assert house.made() == dict.fromkeys("abc", 1)


def test_what_is_submitted_twice_or_without_a_sensor_is_refused_and_a_cancelled_one_launches_nothing(
    house: House,
) -> None:
    house.probe()
    id_ = house.submit("--partitions", "b")
    with pytest.raises(SettingInvalid, match=f"backfill {id_} is running and makes partition 'b' of filled too"):
        house.submit("--partitions", "b")
    house.call("backfill", "cancel", id_)
    house.tick()
    assert house.runs(id_) == []
    assert house.submit("--partitions", "b") != id_, "one that is over may be made once more"
    listed = json.loads(house.call("backfill", "list", "--json"))
    assert [row["state"] for row in listed] == ["cancelled", "running"]
