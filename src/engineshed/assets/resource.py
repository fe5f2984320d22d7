"""The resource that Spark assets need: one of the two places that read the environment (the other is the command line).

The variables are listed in engineshed.running.premises.
"""

from __future__ import annotations

import functools
import os

import dagster as dg

from engineshed.running import premises as settings
from engineshed.running.opening import open_shed
from engineshed.running.premises import Premises
from engineshed.running.shed import Shed


def read_premises(location_file: str) -> Premises:
    """The premises of a code location, in this process's environment. Raises SettingInvalid with file, key, remedy."""
    return settings.read_premises(location_file, os.environ)


@functools.lru_cache(maxsize=8)
def _shed(location_file: str, environment: tuple[tuple[str, str], ...]) -> Shed:
    premises = settings.read_premises(location_file, dict(environment))
    return open_shed(premises.location, premises.platform, home=premises.home, data_root=premises.data_root)


class Engineshed(dg.ConfigurableResource[Shed]):
    """The resource that Spark assets need, under the name `engineshed`.

    location_file: path of location.yaml. Engines are built when a step first needs them, once per process.
    """

    location_file: str

    def premises(self) -> Premises:
        """The settings in force now."""
        return read_premises(self.location_file)

    def shed(self) -> Shed:
        """The shed of this process."""
        return _shed(self.location_file, _environment())


def _environment() -> tuple[tuple[str, str], ...]:
    return tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith("ENGINESHED_")))
