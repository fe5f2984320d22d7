"""Finds the settings of the code locations a command is about."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from engineshed.model.errors import SettingInvalid
from engineshed.running.premises import Premises, read_platform_in, read_premises
from engineshed.running.settings import PlatformSettings

_PLACES = ("location.yaml", "src/*/location.yaml", "code_locations/*/src/*/location.yaml")


def location_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--location FILE`, the same for every command."""
    return click.option(
        "--location",
        "location",
        type=click.Path(dir_okay=False),
        help="location.yaml to use; by default $ENGINESHED_LOCATION, else those found below this folder.",
    )(command)


def platform_here() -> PlatformSettings:
    """The platform's settings that the environment names. Raises SettingInvalid."""
    return read_platform_in(os.environ)


def premises_here(location: str | None) -> list[Premises]:
    """The premises of every location found. Raises SettingInvalid saying where was looked."""
    if location or os.environ.get("ENGINESHED_LOCATION"):
        return [read_premises(location, os.environ)]
    found = sorted(path for place in _PLACES for path in Path.cwd().glob(place))
    if not found:
        raise SettingInvalid(
            f"no settings found below {Path.cwd()} ({', '.join(_PLACES)}): name the file with --location."
        )
    return [read_premises(str(path), os.environ) for path in found]


def ledger_urls_here(location: str | None) -> list[str]:
    """The platform's ledger, else those of the locations found here, each once."""
    shared = platform_here().ledger_url
    return [shared] if shared else sorted({premises.ledger_url for premises in premises_here(location)})
