"""`engineshed check`: validates YAML assets, naming file, key and the values that are allowed."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
def check(paths: tuple[str, ...]) -> None:
    """Check every defs.yaml of a SparkAssetComponent below PATHS (by default this folder). Imports no project code."""
    from engineshed.running.asset_files import survey

    found = survey([Path(p) for p in paths or (".",)])
    for file, why in found.passed_over.items():
        click.echo(f"{file}: passed over, {why}", err=True)
    for finding in found.findings:
        click.echo(finding, err=True)
    if found.findings:
        click.echo(f"{len(found.findings)} finding(s).", err=True)
        sys.exit(1)
    if not found.judged:
        click.echo(f"Nothing to check: no defs.yaml of a SparkAssetComponent in {', '.join(paths) or 'this folder'}.")
        return
    click.echo(f"All good: {len(found.judged)} file(s) checked, {len(found.passed_over)} passed over.")
