"""`engineshed backfill list | show | pause | resume | cancel`: backfills that were submitted, from the ledger alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from engineshed.cli.dollars import Dollars
from engineshed.cli.finding import location_option, premises_here
from engineshed.model.attempt import Attempt, Outcome
from engineshed.model.backfill import Backfill
from engineshed.model.budget import Standing
from engineshed.model.errors import SettingInvalid
from engineshed.planning.backfill_report import dollars, named
from engineshed.running.backfilling import cancel, find, pause, resume
from engineshed.storage.ledger import SqlLedger, open_ledger


@click.group()
def backfill() -> None:
    """Backfills that were submitted: how far they are; pause, resume, cancel.

    Submit one with `engineshed backfill-plan --submit`.
    """


@backfill.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@location_option
def list_(as_json: bool, location: str | None) -> None:
    """Backfills of the code locations found here, oldest first."""
    rows: list[dict[str, Any]] = []
    for premises in premises_here(location):
        with closing(open_ledger(premises.ledger_url)) as ledger:
            there = ledger.backfills(premises.location.code_location)
            rows += [_facts(one, ledger.standing(one.account)) for one in there]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("No backfill was submitted: `engineshed backfill-plan --submit` does that.")
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("backfill", "submitted", "assets", "state", "launched", "spent", "budget"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            row["id"],
            row["submitted_at"][:16],
            ", ".join(row["assets"]),
            row["state"],
            f"{row['launched']} of {row['partitions']}",
            dollars(Decimal(row["spent_usd"])),
            "-" if row["budget_usd"] is None else f"${row['budget_usd']}",
        )
    Console().print(table)


@backfill.command()
@click.argument("backfill_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@location_option
def show(backfill_id: str, as_json: bool, location: str | None) -> None:
    """How far backfill ID is: what was made where and for how much, beside what was forecast."""
    with _ledger_of(backfill_id, location) as ledger:
        found = find(backfill_id, ledger)
        facts = _facts(found, ledger.standing(found.account))
        facts["attempts"] = [_attempt(attempt) for attempt in ledger.attempts_of_backfill(backfill_id)]
    if as_json:
        click.echo(json.dumps(facts | {"plan": dict(found.plan)}, indent=2))
        return
    console = Console()
    for sentence in _said(found, facts):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    if facts["attempts"]:
        console.print(_attempts_table(facts["attempts"]))


@backfill.command(name="pause")
@click.argument("backfill_id", metavar="ID")
@location_option
def pause_(backfill_id: str, location: str | None) -> None:
    """Launch nothing more of backfill ID; what is in flight goes on to its end."""
    _change(backfill_id, location, pause)


@backfill.command(name="resume")
@click.argument("backfill_id", metavar="ID")
@click.option("--budget", type=Dollars(), help="From now on the most that all of it may cost, in dollars.")
@click.option(
    "--skip-failed", is_flag=True, help="Go on without the partitions that failed; else they are tried again."
)
@location_option
def resume_(backfill_id: str, budget: Decimal | None, skip_failed: bool, location: str | None) -> None:
    """Go on with backfill ID after it was paused."""
    _change(backfill_id, location, lambda id_, ledger: resume(id_, ledger, budget_usd=budget, skip_failed=skip_failed))


@backfill.command(name="cancel")
@click.argument("backfill_id", metavar="ID")
@location_option
def cancel_(backfill_id: str, location: str | None) -> None:
    """End backfill ID for good; what is in flight goes on to its end."""
    _change(backfill_id, location, cancel)


def _change(backfill_id: str, location: str | None, change: Callable[[str, SqlLedger], Backfill]) -> None:
    with _ledger_of(backfill_id, location) as ledger:
        after = change(backfill_id, ledger)
    click.echo(f"{after.id} is {after.state}, {after.launched} of {len(after.work.partitions)} partitions launched")


@contextmanager
def _ledger_of(backfill_id: str, location: str | None) -> Iterator[SqlLedger]:
    """The ledger that knows the backfill. Raises SettingInvalid where none of those found here does."""
    for url in sorted({premises.ledger_url for premises in premises_here(location)}):
        with closing(open_ledger(url)) as ledger:
            if ledger.backfill(backfill_id) is not None:
                yield ledger
                return
    raise SettingInvalid(f"there is no backfill {backfill_id!r}: `engineshed backfill list` names those there are.")


def _facts(found: Backfill, standing: Standing) -> dict[str, Any]:
    work = found.work
    return {
        "id": found.id,
        "assets": list(work.assets),
        "mode": str(work.mode),
        "state": str(found.state),
        "reason": found.reason,
        "submitted_at": found.submitted_at.isoformat(),
        "partitions": len(work.partitions),
        "launched": found.launched,
        "last_chunk": list(found.in_flight),
        "failed": list(found.failed),
        "skipped": list(found.skipped),
        "budget_usd": None if found.budget_usd is None else str(found.budget_usd),
        "spent_usd": format(standing.spent_usd, "f"),
        "reserved_usd": format(standing.reserved_usd, "f"),
        "deadline": None if work.deadline is None else work.deadline.isoformat(),
    }


def _said(found: Backfill, facts: dict[str, Any]) -> Iterator[str]:
    work = found.work
    yield f"{found.id}: {', '.join(work.assets)} ({work.mode}), submitted {found.submitted_at:%Y-%m-%d %H:%M} UTC"
    yield f"{found.state}: {found.reason}" if found.reason else str(found.state)
    yield f"{found.launched} of {facts['partitions']} partitions launched, in chunks of {work.chunk}"
    forecast = found.plan.get("cost", {}).get("expected_usd")
    budget = "no budget" if found.budget_usd is None else f"a budget of ${found.budget_usd}"
    yield (
        f"spent {dollars(Decimal(facts['spent_usd']))} and reserved {dollars(Decimal(facts['reserved_usd']))} of "
        f"{budget}" + (f"; the plan said {dollars(Decimal(forecast))}" if forecast else "")
    )
    if work.deadline is not None:
        yield f"to be done by {work.deadline:%Y-%m-%d %H:%M} UTC"
    for word, keys in (("last chunk", facts["last_chunk"]), ("failed", found.failed), ("skipped", found.skipped)):
        if keys:
            yield f"{word}: {named(keys)}"


def _attempt(attempt: Attempt) -> dict[str, Any]:
    intent, settled = attempt.intent, attempt.settlement
    cost = settled.cost if settled else None
    return {
        "partition": ", ".join(intent.key.partition_keys),
        "asset": intent.asset,
        "engine": intent.engine,
        "offer": intent.offer,
        "run_id": intent.run_id,
        "outcome": str(settled.outcome) if settled else "live",
        "forecast_usd": format(intent.reserved_usd, "f"),
        "cost_usd": None if cost is None else format(cost.total_usd, "f"),
        "why": settled.failure.message if settled and settled.failure and settled.outcome is Outcome.FAILED else "",
    }


def _attempts_table(attempts: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("partition", "asset", "engine", "outcome", "run"):
        table.add_column(column, overflow="fold")
    for column in ("forecast", "cost"):
        table.add_column(column, justify="right", no_wrap=True)
    for a in attempts:
        cost = "-" if a["cost_usd"] is None else dollars(Decimal(a["cost_usd"]))
        forecast = dollars(Decimal(a["forecast_usd"]))
        table.add_row(a["partition"], a["asset"], a["engine"], a["outcome"], a["run_id"][:8], forecast, cost)
    return table
