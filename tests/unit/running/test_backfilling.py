"""Backfills over the real ledger and route, in virtual time: an hour of the platform costs a dollar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engineshed.model.backfill import Backfill, BackfillState, BackfillWork
from engineshed.model.budget import Room
from engineshed.model.errors import EngineshedError, LedgerBusy, SettingInvalid
from engineshed.model.objective import Objective
from engineshed.model.partition import PartitionSelection
from engineshed.planning.backfill import Ceiling
from engineshed.planning.backfill_guard import Progress
from engineshed.running.backfill_outlook import Outlook
from engineshed.running.backfilling import Advance, advance, cancel, find, pause, resume, submit
from engineshed.running.declared import asset_layer
from engineshed.running.order import Declared
from engineshed.running.premises import Premises, read_premises
from engineshed.running.route import finish
from engineshed.testing.platform import Script
from engineshed.testing.steps import RecordedStep

from .conftest import World

KEYS = ("a", "b", "c", "d")
HOUR = Script(lasts_s=3600.0, lines=1)


@dataclass
class Yard:
    """A world with a code location, and what is seen of the partitions of its one backfill."""

    world: World
    premises: Premises
    seen: dict[str, Progress]

    @property
    def outlook(self) -> Outlook:
        declared = Declared(asset="edges", job=self.world.order.job, layer=asset_layer(Objective()))
        return Outlook(self.premises, self.world.shed, [declared])

    def work(self, **changes: object) -> BackfillWork:
        plain = BackfillWork(
            team="web",
            code_location="web_graph",
            assets=("edges",),
            partitions=KEYS,
            chunk=2,
            mode=self.world.order.mode,
        )
        return replace(plain, **changes)  # type: ignore[arg-type]

    def submit(self, budget: str | None = None, **changes: object) -> Backfill:
        return submit(self.work(**changes), {}, None if budget is None else Decimal(budget), self.world.shed)

    def look(self, id_: str, there: Sequence[str] = KEYS) -> Advance:
        return advance(find(id_, self.world.shed.ledger), self.seen, self.outlook, lambda: there)

    def run(self, id_: str, key: str, script: Script = HOUR) -> None:
        """A run of that partition, as the sensor would launch it."""
        self.world.platform.script = script
        selection = PartitionSelection(keys=(key,))
        order = replace(self.world.order, selection=selection, backfill=id_)
        try:
            finish(RecordedStep(f"run-{key}", selection=selection), order, self.world.shed)
        except EngineshedError:
            self.seen[key] = Progress.FAILED
            raise
        self.seen[key] = Progress.MADE


@pytest.fixture
def make_yard(make_world: Callable[..., World], tmp_path: Path) -> Callable[..., Yard]:
    def make(policy: str = "", **world: object) -> Yard:
        (tmp_path / "location.yaml").write_text("team: web\ncode_location: web_graph\n")
        (tmp_path / "platform.yaml").write_text(f"policy: {{{policy}}}\n")
        env = {"ENGINESHED_PLATFORM": str(tmp_path / "platform.yaml")}
        yard = Yard(make_world(**world), read_premises(str(tmp_path / "location.yaml"), env), {})
        yard.world.platform.script = HOUR
        finish(RecordedStep("earlier"), yard.world.order, yard.world.shed)
        return yard

    return make


def test_a_backfill_ends_before_its_budget_and_goes_on_when_it_is_raised(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard()
    ledger = yard.world.shed.ledger
    id_ = yard.submit("3.5").id
    first = yard.look(id_)
    assert first.launch == ("a", "b")
    for key in first.launch:
        yard.run(id_, key)
    assert ledger.standing(first.backfill.account).spent_usd == pytest.approx(Decimal(2), rel=Decimal("0.01"))
    part = yard.look(id_)
    assert part.launch == ("c",)
    assert "launched of a chunk of 2: the budget of $3.5 of backfill" in part.said
    yard.run(id_, "c")
    stopped = yard.look(id_)
    assert (stopped.launch, stopped.backfill.state) == ((), BackfillState.PAUSED)
    assert f"engineshed backfill resume {id_} --budget DOLLARS" in stopped.said
    assert yard.look(id_).launch == ()
    with pytest.raises(SettingInvalid, match=r"has committed .*: give more with --budget"):
        resume(id_, ledger, budget_usd=Decimal(2))
    resume(id_, ledger, budget_usd=Decimal(5))
    assert yard.look(id_).launch == ("d",)
    yard.run(id_, "d")
    assert yard.look(id_).backfill.state is BackfillState.DONE


def test_a_run_is_refused_what_the_budget_no_longer_holds_though_its_chunk_was_launched(
    make_yard: Callable[..., Yard],
) -> None:
    yard = make_yard()
    id_ = yard.submit("2.5").id
    assert yard.look(id_).launch == ("a", "b")
    yard.run(id_, "a", Script(lasts_s=2 * 3600.0, lines=1))
    with pytest.raises(EngineshedError, match=rf"above the budget of backfill {id_} \(\$2\.5"):
        yard.run(id_, "b")
    stopped = yard.look(id_)
    assert stopped.backfill.failed == ("b",)
    assert yard.world.shed.ledger.standing(stopped.backfill.account).committed_usd <= Decimal("2.5")


def test_of_two_looks_at_the_same_row_one_launches(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard()
    there = yard.submit()
    both = [advance(there, {}, yard.outlook, lambda: KEYS) for _ in range(2)]
    assert [moved.launch for moved in both] == [("a", "b"), ()]
    assert both[1].said == "another look has moved it on"


def test_a_month_of_the_team_bounds_a_backfill_without_a_budget(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard("team_month_usd: 2.5")
    plan = yard.outlook.plan(yard.work(), KEYS)
    assert plan.chunks == (("a",),)
    assert plan.stopped_by is not None
    assert plan.stopped_by.what == "the budget of team web in 2026-01"


def test_places_of_engines_lengthen_a_plan_and_full_ones_do_not_spoil_it(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard()
    alone = yard.outlook.plan(yard.work(), KEYS)
    yard.world.shed = replace(yard.world.shed, rooms=(Room("virtual", 1),))
    assert yard.outlook.plan(yard.work(), KEYS).hours == pytest.approx(2 * alone.hours)


def test_a_deadline_gives_hours_a_value_that_its_runs_are_told(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard(engines=("virtual",))
    deadline = yard.world.clock.now() + timedelta(hours=1)
    yard.submit(deadline=deadline)
    late = yard.look(yard.world.shed.ledger.backfills("web_graph")[0].id)
    assert "LATER than its deadline in 1.00 h" in late.said
    assert late.value_usd_per_hour > 0


def test_what_is_unknown_or_gone_is_said_and_pauses(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard()
    gone = yard.look(yard.submit().id, there=("a", "c"))
    assert gone.backfill.state is BackfillState.PAUSED
    assert "b is no partition any more" in gone.said
    cancel(gone.backfill.id, yard.world.shed.ledger)
    other = yard.look(yard.submit(assets=("nodes",)).id)
    assert "asset 'nodes' is no Spark asset of web_graph any more" in other.backfill.reason
    yard.world.order = replace(yard.world.order, job=replace(yard.world.order.job, name="new"))
    with pytest.raises(SettingInvalid, match="nothing is known of what 'edges' costs on virtual: make one partition"):
        yard.outlook.plan(yard.work(), KEYS, Ceiling("--budget", Decimal(1), frozenset({"edges"})))


def test_a_ledger_that_is_away_moves_nothing(make_yard: Callable[..., Yard], monkeypatch: pytest.MonkeyPatch) -> None:
    yard = make_yard()
    there = yard.submit("3")

    def away(*_: object) -> None:
        raise LedgerBusy("the database is away: repeat the call.")

    with monkeypatch.context() as broken:
        broken.setattr(type(yard.world.shed.ledger), "standing", away)
        with pytest.raises(LedgerBusy):
            yard.look(there.id)
    assert find(there.id, yard.world.shed.ledger) == there


def test_a_tag_that_names_no_backfill_is_refused_before_anything_is_planned(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard()
    with pytest.raises(SettingInvalid, match="names 'bf-none', which the ledger does not know"):
        yard.run("bf-none", "a")


def test_states_change_by_hand_only_where_that_means_something(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard()
    ledger = yard.world.shed.ledger
    id_ = yard.submit().id
    for again in ({}, {"partitions": ("x", "c"), "chunk": 1}):
        with pytest.raises(SettingInvalid, match=rf"backfill {id_} is running and makes partition '[ac]' of edges too"):
            yard.submit(**again)
    with pytest.raises(SettingInvalid, match=f"backfill {id_} is running: that is for one that is paused"):
        resume(id_, ledger)
    assert pause(id_, ledger).state is BackfillState.PAUSED
    assert yard.look(id_).launch == ()
    assert resume(id_, ledger).tries == 1
    assert cancel(id_, ledger).state is BackfillState.CANCELLED
    with pytest.raises(SettingInvalid, match="is cancelled"):
        cancel(id_, ledger)
    assert yard.submit().id != id_
    with pytest.raises(SettingInvalid, match="there is no backfill 'bf-none'"):
        pause("bf-none", ledger)


def test_paused_by_hand_in_the_middle_of_a_launch_the_same_run_keys_hold(make_yard: Callable[..., Yard]) -> None:
    yard = make_yard()
    ledger = yard.world.shed.ledger
    launched = yard.look(yard.submit().id).backfill
    pause(launched.id, ledger)
    resumed = resume(launched.id, ledger)
    assert resumed.run_key("a") == launched.run_key("a")
    assert yard.look(launched.id).launch == (), "its runs may be on their way"
    yard.seen = {"a": Progress.MADE, "b": Progress.FAILED}
    yard.look(launched.id)
    again = resume(launched.id, ledger)
    assert again.run_key("b") != launched.run_key("b")
