"""`engineshed engines`: which engines there are, what they can do, with which settings; and why others are not
there.
"""

from __future__ import annotations

import json

import click
import yaml
from rich.console import Console
from rich.table import Table

from engineshed.cli.finding import location_option, premises_here
from engineshed.running.opening import open_shed
from engineshed.running.premises import Premises
from engineshed.running.shed import Shed


@click.command()
@location_option
@click.option("--show", is_flag=True, help="Show the checked settings of each engine.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def engines(location: str | None, show: bool, as_json: bool) -> None:
    """List the engines of each code location."""
    facts = []
    for premises in premises_here(location):
        shed = open_shed(premises.location, premises.platform, home=premises.home, data_root=premises.data_root)
        facts.append(_facts(premises, shed))
    if as_json:
        click.echo(json.dumps(facts, indent=2, default=str))
        return
    console = Console()
    for location_facts in facts:
        _print(console, location_facts, show)


def _facts(premises: Premises, shed: Shed) -> dict[str, object]:
    return {
        "code_location": premises.location.code_location,
        "team": premises.location.team,
        "home": str(premises.home),
        "data_root": premises.data_root,
        "engines": {
            name: {
                "transports": list(engine.capabilities.transports),
                "progress": engine.capabilities.progress,
                "outlives_launcher": engine.capabilities.outlives_launcher,
                "ready": all(c.ok for c in engine.doctor()),
                "settings": dict(engine.settings()),
            }
            for name, engine in sorted(shed.engines.items())
        },
        "not_built": dict(shed.rejected),
    }


def _print(console: Console, facts: dict[str, object], show: bool) -> None:
    table = Table(title=f"{facts['code_location']} (team {facts['team']})", title_justify="left")
    for column in ("engine", "ready", "messages by", "progress", "outlives its launcher"):
        table.add_column(column)
    found = facts["engines"]
    assert isinstance(found, dict)
    for name, e in found.items():
        ready = "yes" if e["ready"] else f"no: engineshed doctor --engine {name}"
        table.add_row(name, ready, ", ".join(e["transports"]), _word(e["progress"]), _word(e["outlives_launcher"]))
    not_built = facts["not_built"]
    assert isinstance(not_built, dict)
    for name, why in not_built.items():
        table.add_row(name, f"not built: {why}", "-", "-", "-")
    console.print(table)
    if show:
        for name, e in found.items():
            console.print(f"[bold]{name}[/bold]")
            console.print(yaml.safe_dump(json.loads(json.dumps(e["settings"], default=str)), sort_keys=True).rstrip())


def _word(value: object) -> str:
    return "yes" if value else "no"
