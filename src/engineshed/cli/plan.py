"""`engineshed plan`: where a partition would run and why, or what a table of past runs says. Launches nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import click

from engineshed.cli.dollars import Dollars
from engineshed.cli.finding import location_option
from engineshed.cli.finding_assets import find_assets
from engineshed.cli.plan_history import History, print_history
from engineshed.model.errors import SettingInvalid
from engineshed.model.job import Mode
from engineshed.model.objective import Layer, Objective
from engineshed.model.partition import PartitionSelection
from engineshed.model.plan import Plan
from engineshed.planning.deadline import deadline_of, hours_of
from engineshed.planning.explain import as_json as plan_json
from engineshed.planning.explain import as_text
from engineshed.running.opening import open_shed
from engineshed.running.order import Declared, Order
from engineshed.running.planning import plan_order
from engineshed.running.premises import Premises

PAPER = "paper.csv"


def _objective_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--deadline", metavar="HOURS|TIME", help="Hours from now, or a moment as 2026-11-27T18:00Z."),
        click.option("--budget", type=Dollars(), help="The most that the run may cost, in dollars."),
        click.option("--value-of-hour", type=Dollars(), help="What an hour saved is worth, in dollars."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("asset", required=False)
@click.option(
    "--partition", "partitions", multiple=True, help="Partition key; several for a run that makes them at once."
)
@click.option("--mode", type=click.Choice([str(mode) for mode in Mode]), help="By default that of location.yaml.")
@_objective_options
@click.option("--confidence", type=click.FloatRange(0.5, 1, max_open=True), help="Probability of meeting the deadline.")
@click.option("--engine", help="Pin this engine.")
@click.option("--history", "history", type=click.Path(dir_okay=False), help="Plan from this CSV table of past runs.")
@click.option("--paper", is_flag=True, help="Plan from the 12 published runs of the paper: the table that is shipped.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@location_option
def plan(
    asset: str | None,
    partitions: tuple[str, ...],
    mode: str | None,
    deadline: str | None,
    budget: Decimal | None,
    value_of_hour: Decimal | None,
    confidence: float | None,
    engine: str | None,
    history: str | None,
    paper: bool,
    as_json: bool,
    location: str | None,
) -> None:
    """Show where ASSET would run now, at what cost, and why each other way was turned down. Nothing is launched.

    With --history or --paper, plan all steps of a table of past runs instead; no asset is named then. Exit code 1 when
    nothing keeps deadline and budget.
    """
    if history or paper:
        if asset or (history and paper):
            raise SettingInvalid("give one of ASSET, --history and --paper, not several.")
        _refuse_unheard(partition=partitions, mode=mode, confidence=confidence, engine=engine)
        table = _table(history)
        wanted = History(
            deadline_hours=None if deadline is None else hours_of(deadline, "--deadline"),
            budget_usd=budget,
            value_usd_per_hour=value_of_hour or Decimal(0),
        )
        sys.exit(print_history(table, history or f"the table {PAPER}", wanted, as_json=as_json))
    if not asset:
        raise SettingInvalid("name an asset, or a table of past runs with --history; --paper has one.")
    objective = Objective(
        pinned=engine,
        deadline=None if deadline is None else deadline_of(deadline, datetime.now(UTC), "--deadline"),
        confidence=confidence,
        budget_usd=budget,
        value_usd_per_hour=value_of_hour,
    )
    there = find_assets(location, [asset])
    found = _plan(there.premises, there.declared[0], objective, partitions, mode)
    click.echo(json.dumps(plan_json(found), indent=2) if as_json else as_text(found))
    sys.exit(0 if found.candidates else 1)


def _refuse_unheard(**options: object) -> None:
    if given := [f"--{name}" for name, value in options.items() if value]:
        raise SettingInvalid(f"{', '.join(given)} says nothing to a table of past runs: leave it out or name an asset.")


def _plan(
    premises: Premises, declared: Declared, objective: Objective, partitions: tuple[str, ...], mode: str | None
) -> Plan:
    shed = open_shed(premises.location, premises.platform, home=premises.home, data_root=premises.data_root)
    chosen = Mode(mode or premises.location.mode)
    order = Order(
        asset=declared.asset,
        job=declared.job.in_mode(chosen),
        mode=chosen,
        team=premises.location.team,
        code_location=premises.location.code_location,
        selection=PartitionSelection(keys=partitions),
        layers=premises.layers(Layer("command line", objective), declared.layer),
    )
    return plan_order(order, shed)


def _table(history: str | None) -> str:
    if history is None:
        return resources.files("engineshed.planning").joinpath("data", PAPER).read_text(encoding="utf-8")
    try:
        return Path(history).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingInvalid(f"{history} cannot be read ({error}): name a readable CSV table.") from error
