"""`engineshed backfill-plan`: many partitions planned at once; with --submit, handed to the location's sensor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from graphlib import TopologicalSorter

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from engineshed.cli.dollars import Dollars
from engineshed.cli.finding import location_option
from engineshed.cli.finding_assets import Found, find_assets
from engineshed.model.backfill import BackfillWork
from engineshed.model.errors import ConfigurationInvalid, SettingInvalid
from engineshed.model.job import Mode
from engineshed.planning.backfill import BackfillPlan, Ceiling
from engineshed.planning.backfill_report import as_json, dollars, lines_of, named, said
from engineshed.planning.deadline import deadline_of
from engineshed.running.backfill_outlook import Outlook
from engineshed.running.backfilling import submit
from engineshed.running.opening import open_shed
from engineshed.running.order import Declared
from engineshed.running.partition_keys import chosen_keys
from engineshed.running.shed import Shed


@click.command(name="backfill-plan")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET...")
@click.option(
    "--partitions",
    "partitions",
    multiple=True,
    metavar="KEY|FIRST...LAST",
    help="A partition or a range of them, as often as needed; without it all.",
)
@click.option("--missing", is_flag=True, help="Of these only the ones that are not published in the mode.")
@click.option("--chunk", type=click.IntRange(min=1), default=4, show_default=True, help="Partitions at once.")
@click.option("--budget", type=Dollars(), help="The most that all of it may cost, in dollars.")
@click.option("--deadline", metavar="HOURS|TIME", help="Hours from now, or a moment as 2026-11-27T18:00Z.")
@click.option("--value-of-hour", type=Dollars(), help="What an hour saved is worth, in dollars.")
@click.option("--engine", help="Pin this engine.")
@click.option("--mode", type=click.Choice([str(mode) for mode in Mode]), help="By default that of location.yaml.")
@click.option("--json", "as_json_", is_flag=True, help="Print JSON.")
@click.option("--submit", "submit_", is_flag=True, help="Record it, for the code location's sensor to carry out.")
@location_option
def backfill_plan(
    assets: tuple[str, ...],
    partitions: tuple[str, ...],
    missing: bool,
    chunk: int,
    budget: Decimal | None,
    deadline: str | None,
    value_of_hour: Decimal | None,
    engine: str | None,
    mode: str | None,
    as_json_: bool,
    submit_: bool,
    location: str | None,
) -> None:
    """Show where partitions of ASSET... would be made, for how much, until when. Nothing is launched.

    The assets of a partition are made in one run. With --submit the sensor of the code location launches the runs,
    chunk by chunk, and stops before the budget: `engineshed backfill show` says how far it is.
    """
    found = find_assets(location, assets)
    settings = found.premises.location
    shed = open_shed(settings, found.premises.platform, home=found.premises.home, data_root=found.premises.data_root)
    now = shed.clock.now()
    chosen_mode = Mode(mode or settings.mode)
    names = _in_order(found.declared)
    work = BackfillWork(
        team=settings.team,
        code_location=settings.code_location,
        assets=names,
        partitions=_keys(found, names, partitions, shed if missing else None, chosen_mode),
        chunk=chunk,
        mode=chosen_mode,
        engine=engine,
        value_usd_per_hour=value_of_hour,
        deadline=None if deadline is None else deadline_of(deadline, now, "--deadline").astimezone(UTC),
    )
    outlook = Outlook(found.premises, shed, found.declared)
    plan = _plan(outlook, work, budget)
    facts = as_json(plan, now)
    if submit_:
        _refuse_unattended(found)
        facts["submitted"] = submit(work, facts, budget, shed).id
    if as_json_:
        click.echo(json.dumps(facts, indent=2))
    else:
        _print(work, plan, now, facts.get("submitted"))


def _plan(outlook: Outlook, work: BackfillWork, budget: Decimal | None) -> BackfillPlan:
    """Raises SettingInvalid for a budget below the first chunk, and for a deadline that cannot be met."""
    ceiling = None if budget is None else Ceiling(f"--budget {budget}", budget, frozenset(work.assets))
    plan = outlook.plan(work, work.partitions, ceiling)
    first = min(work.chunk, len(work.partitions))
    if plan.stopped_by is not None and sum(map(len, plan.chunks[:1])) < first:
        raise SettingInvalid(
            f"{plan.stopped_by}, one of the {first} of the first chunk: raise it, or take a smaller --chunk."
        )
    hours = outlook.hours_to_deadline(work)
    if hours is not None and plan.hours > hours:
        raise SettingInvalid(
            f"the deadline in {hours:.2f} h cannot be met: {len(work.partitions)} partitions in chunks of {work.chunk} "
            f"are forecast to take {plan.hours:.2f} h at best: give more time or money, a larger --chunk, or fewer "
            "partitions."
        )
    return plan


def _in_order(declared: Sequence[Declared]) -> tuple[str, ...]:
    """Each asset after those of the others that it reads or waits for."""
    names = {d.asset for d in declared}
    sorter = TopologicalSorter({d.asset: [a for a in d.after if a in names] for d in declared})
    return tuple(sorter.static_order())


def _keys(found: Found, names: Sequence[str], said_: Sequence[str], shed: Shed | None, mode: Mode) -> tuple[str, ...]:
    """The partitions asked for; with a shed only those that are not published."""
    there = found.definitions.partition_keys(names)
    keys = chosen_keys(names[0], there, said_)
    if shed is not None:
        published = [set(shed.datasets.partitions(name, mode)) for name in names]
        keys = tuple(key for key in keys if not all(key in one for one in published))
    if not keys:
        raise SettingInvalid(f"nothing is to be made of {', '.join(names)}: every partition is published in {mode}.")
    return keys


def _refuse_unattended(found: Found) -> None:
    if not found.definitions.carries_out_backfills():
        raise ConfigurationInvalid(
            f"code location {found.premises.location.code_location!r} has no sensor that carries out backfills: add "
            "engineshed.backfill_sensor() to the `sensors` of its definitions."
        )


def _print(work: BackfillWork, plan: BackfillPlan, now: datetime, submitted: str | None) -> None:
    table = Table(
        title=f"backfill of {', '.join(work.assets)} ({work.mode})",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in ("chunk", "partitions", "asset", "engine", "offer", "basis"):
        table.add_column(column, overflow="fold")
    for column in ("expected", "from h", "to h"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in lines_of(plan):
        offer, expected = line.candidate.offer, line.candidate.forecast
        table.add_row(
            str(line.chunk),
            named(line.partitions),
            line.asset,
            offer.engine,
            offer.name,
            str(expected.basis).replace("_", " "),
            dollars(line.expected_usd),
            f"{line.start_hours:.4f}",
            f"{line.end_hours:.4f}",
        )
    console = Console()
    console.print(table)
    for sentence in said(plan, now):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if submitted:
        console.print(
            f"submitted as {submitted}: `engineshed backfill show {submitted}` says how far it is",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
