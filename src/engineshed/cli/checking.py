"""`engineshed check`: validates YAML assets, naming file, key and the values that are allowed."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
def check(paths: tuple[str, ...]) -> None:
    """Check every defs.yaml of a SparkAssetComponent below PATHS (by default this folder). Imports no project code."""
    from engineshed.running.asset_files import check_files

    findings = check_files([Path(p) for p in paths or (".",)])
    for finding in findings:
        click.echo(finding, err=True)
    if findings:
        click.echo(f"{len(findings)} finding(s).", err=True)
        sys.exit(1)
    click.echo("All good.")
