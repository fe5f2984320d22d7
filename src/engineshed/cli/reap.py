"""`engineshed reap`: ends runs that no step can end any more, and deletes from the exchange what nobody needs.

Run by a CronJob of each team's release, or by hand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table

from engineshed.cli.finding import location_option, premises_here
from engineshed.cli.waiting import once_there
from engineshed.running.collecting import Collected, Collector
from engineshed.running.opening import open_shed
from engineshed.running.orphans import dagster_runs
from engineshed.running.premises import Premises
from engineshed.running.reaping import Deed, Finding, Patience, Reaper
from engineshed.running.shed import Shed

_DATABASE_WITHIN_S = 45.0
"""In a new pod every connection is refused until its NetworkPolicies are in force."""

_REFUSED = (
    "These launches live, so the release stays. Cancel their runs and uninstall again; or keep it: Helm calls it "
    "`uninstalling` and upgrades it no more until `helm rollback NAME REVISION`, with the last revision of "
    "`helm history NAME`. After that an upgrade can also set onUninstall to `end`."
)


@click.command()
@click.option("--grace", type=click.IntRange(min=0), default=300, show_default=True, help="Seconds an orphan is left.")
@click.option(
    "--keep-finished",
    type=click.IntRange(min=0),
    default=86_400,
    show_default=True,
    help="Seconds an orphan that ended well is left: a re-execution adopts it.",
)
@click.option(
    "--leaving",
    type=click.Choice(["end", "refuse"]),
    help="The release goes: `end` every live launch of it, or `refuse` while there is one.",
)
@click.option(
    "--keep-staged",
    type=click.IntRange(min=1),
    default=30,
    show_default=True,
    help="Days for which code, data files and messages stay in the exchange, so that a run can be made again. Looked "
    "for once a day.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be ended and deleted, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@location_option
def reap(
    grace: int,
    keep_finished: int,
    leaving: str | None,
    keep_staged: int,
    dry_run: bool,
    as_json: bool,
    location: str | None,
) -> None:
    """End runs of this code location that no step can end any more, and book what they used.

    Only what this location's ledger knows is touched. Then what nobody needs any more is deleted from its exchange.
    Exit code 1 when something could not be ended, or, with `--leaving refuse`, while a launch lives.
    """
    patience = Patience(grace=timedelta(seconds=grace), keep_finished=timedelta(seconds=keep_finished))
    console = Console(stderr=True)
    findings: list[Finding] = []
    collected: list[Collected] = []
    for premises in premises_here(location):
        shed = _shed(premises)
        reaper = _reaper(premises, shed, patience, dry_run, lambda line: console.print(line, markup=False))
        findings += _round(reaper, leaving)
        if leaving is None and shed.exchange is not None:
            keep = timedelta(days=keep_staged)
            collected += Collector(
                shed.exchange.store, shed.ledger, shed.clock, keep=keep, dry=dry_run
            ).collect_when_due()
    _print(findings, collected, as_json)
    if leaving == "refuse" and findings:
        click.echo(_REFUSED, err=True)
        sys.exit(1)
    if any(finding.deed is Deed.UNSURE for finding in findings):
        sys.exit(1)


def _shed(premises: Premises) -> Shed:
    return once_there(
        lambda: open_shed(premises.location, premises.platform, home=premises.home, data_root=premises.data_root),
        _DATABASE_WITHIN_S,
    )


def _reaper(premises: Premises, shed: Shed, patience: Patience, dry_run: bool, say: Callable[[str], None]) -> Reaper:
    location = premises.location
    return Reaper(
        shed, team=location.team, code_location=location.code_location, patience=patience, dry=dry_run, say=say
    )


def _round(reaper: Reaper, leaving: str | None) -> list[Finding]:
    if leaving == "refuse":
        return [
            Finding(token=a.intent.token, asset=a.intent.asset, engine=a.intent.engine, deed=Deed.LEFT, why="it lives")
            for a in reaper.live()
        ]
    with dagster_runs() as runs:
        return reaper.end_all(runs) if leaving == "end" else reaper.reap(runs)


def _print(findings: Iterable[Finding], collected: Sequence[Collected], as_json: bool) -> None:
    if as_json:
        deleted = [{"deed": "collected", **asdict(place)} for place in collected]
        click.echo(json.dumps([*map(asdict, findings), *deleted], indent=2))
        return
    table = Table(title="launches that are not settled", title_justify="left")
    for column in ("token", "asset", "engine", "done", "why"):
        table.add_column(column, overflow="fold")
    for f in findings:
        table.add_row(f.token, f.asset, f.engine, f.deed, f.why)
    Console().print(table if table.row_count else "Nothing lives that is not settled.")
    if collected:
        Console().print(_deleted(collected))


def _deleted(collected: Sequence[Collected]) -> Table:
    table = Table(title="deleted from the exchange", title_justify="left")
    for column in ("place", "objects", "MiB", "why"):
        table.add_column(column, overflow="fold")
    for place in collected:
        table.add_row(place.place, str(place.objects), f"{place.size_bytes / 2**20:.1f}", place.why)
    return table
