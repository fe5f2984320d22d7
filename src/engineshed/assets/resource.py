"""The resource that Spark assets need: one of the two places that read the environment (the other is the command line).

The variables are listed in engineshed.running.premises.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Any

import dagster as dg

from engineshed.model.errors import SettingInvalid
from engineshed.ports.engine import Surroundings
from engineshed.running import premises as settings
from engineshed.running.last_word import last_word
from engineshed.running.opening import open_shed
from engineshed.running.premises import Premises
from engineshed.running.roster import check_engines
from engineshed.running.shed import Shed
from engineshed.running.system_clock import SystemClock


def read_premises(location_file: str) -> Premises:
    """The premises of a code location, in this process's environment. Raises SettingInvalid with file, key, remedy."""
    return settings.read_premises(location_file, os.environ)


@functools.lru_cache(maxsize=8)
def _shed(location_file: str, _settings: tuple[tuple[str, str], ...]) -> Shed:
    premises = read_premises(location_file)
    return open_shed(premises.location, premises.platform, home=premises.home, data_root=premises.data_root)


@functools.lru_cache(maxsize=8)
def _check(location_file: str, _settings: tuple[tuple[str, str], ...]) -> None:
    path = os.environ.get("ENGINESHED_LOCATION") or location_file
    if path == location_file and not Path(path).is_file():
        return  # definitions that are only listed may have none; a step that runs says so
    premises = read_premises(location_file)
    location = premises.location
    surroundings = Surroundings(
        home=str(premises.home),
        python=sys.executable,
        clock=SystemClock(),
        team=location.team,
        code_location=location.code_location,
    )
    try:
        check_engines(location.engines, surroundings)
    except SettingInvalid as error:
        raise SettingInvalid(f"settings file {path}: {error}") from error


class Engineshed(dg.ConfigurableResource[Shed]):
    """The resource that Spark assets need, under the name `engineshed`.

    location_file: path of location.yaml. It is checked when the definitions are loaded, engines' own sections
    included; engines are built when a step first needs them, once per process.

    Raises SettingInvalid naming file and key.
    """

    location_file: str

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        if isinstance(self.location_file, str):
            with last_word():
                _check(self.location_file, _own_variables())

    def premises(self) -> Premises:
        """The settings in force now."""
        return read_premises(self.location_file)

    def shed(self) -> Shed:
        """The shed of this process."""
        return _shed(self.location_file, _own_variables())


def _own_variables() -> tuple[tuple[str, str], ...]:
    """What a shed is kept by. It is built from the whole environment: the platform names a variable for a password."""
    return tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith("ENGINESHED_")))
