"""`engineshed doctor`: whether ledger, data root and each engine could serve a job now; what is missing, the remedy."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engineshed.cli.finding import location_option, premises_here
from engineshed.model.errors import SettingInvalid
from engineshed.ports.engine import Check
from engineshed.running.opening import open_shed
from engineshed.running.probing import probe_places
from engineshed.running.shed import Shed


@click.command()
@location_option
@click.option("--engine", "only", help="Only this engine.")
def doctor(location: str | None, only: str | None) -> None:
    """Check ledger, data root, exchange and engines.

    Exit code 1 when data root or exchange cannot be used, or no engine (or the one asked for) is ready.
    """
    console = Console()
    ready: set[str] = set()
    known: set[str] = set()
    unfit: set[str] = set()
    for premises in premises_here(location):
        shed = open_shed(premises.location, premises.platform, home=premises.home, data_root=premises.data_root)
        known |= {*shed.engines, *shed.rejected}
        table = Table(title=f"{premises.location.code_location}: {premises.home}", title_justify="left")
        for column in ("", "subject", "fact", "remedy"):
            table.add_column(column, overflow="fold")
        places = list(probe_places(premises))
        unfit |= {c.subject for c in places if not c.ok}
        for finding in places:
            _add(table, finding.subject, finding)
        for name, checks in _findings(shed, only).items():
            for finding in checks:
                _add(table, f"{name}: {finding.subject}", finding)
            if all(c.ok for c in checks):
                ready.add(name)
        console.print(table)
    if only is not None and only not in known:
        raise SettingInvalid(f"engine {only!r} is not installed; there are: {', '.join(sorted(known))}.")
    if unfit:
        console.print(f"Not ready: {', '.join(sorted(unfit))}.")
        sys.exit(1)
    if (only is not None and only not in ready) or not ready:
        console.print(f"Not ready: {only or 'no engine can run a job here'}.")
        sys.exit(1)
    console.print(f"Ready: {', '.join(sorted(ready))}.")


def _add(table: Table, subject: str, finding: Check) -> None:
    mark = "[green]ok[/green]" if finding.ok else "[red]no[/red]"
    table.add_row(mark, escape(subject), escape(finding.fact), escape(finding.remedy))


def _findings(shed: Shed, only: str | None) -> dict[str, list[Check]]:
    findings = {name: list(engine.doctor()) for name, engine in sorted(shed.engines.items()) if only in (None, name)}
    for name, why in shed.rejected.items():
        if only in (None, name):
            findings[name] = [Check("settings", False, "not built", why)]
    return findings
