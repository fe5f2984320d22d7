"""Where settings become objects: one of the two places that read the environment (the other is the command line).

| variable | means | default |
|---|---|---|
| ENGINESHED_LOCATION | path of location.yaml | given by the code location |
| ENGINESHED_PLATFORM | path of platform.yaml | embedded defaults |
| ENGINESHED_HOME | folder for state on this machine | `home` of location.yaml, else `.engineshed` |
| ENGINESHED_PAYLOADS | folder of the team's job scripts | `payloads` of location.yaml |
| ENGINESHED_DATA_ROOT | where datasets are published | `data_root` of location.yaml, else `data` in the home folder |
| ENGINESHED_LEDGER_URL | SQLAlchemy URL of the ledger | `ledger_url` of platform.yaml, else SQLite in the home folder |
| ENGINESHED_IMAGE_DIGEST, ENGINESHED_LOCK_HASH | provenance of the image | not recorded |
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from engineshed.model.objective import Layer
from engineshed.running.opening import open_shed
from engineshed.running.settings import LocationSettings, PlatformSettings, read_location, read_platform
from engineshed.running.shed import Shed


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """The settings in force, with every path made absolute."""

    location: LocationSettings
    platform: PlatformSettings
    home: Path
    payloads: Path
    data_root: str
    image_digest: str | None = None
    lock_hash: str | None = None

    def layers(self, run: Layer, asset: Layer) -> tuple[Layer, ...]:
        """Platform policy, then run override, then asset, then team default."""
        return (
            Layer("platform policy", self.platform.policy.objective()),
            run,
            asset,
            Layer("team default", self.location.objective.objective()),
        )


def named_location(option: str | None) -> str | None:
    """The settings file that a command line or the environment names."""
    return option or os.environ.get("ENGINESHED_LOCATION") or None


def read_premises(location_file: str | None, environment: Mapping[str, str] | None = None) -> Premises:
    """The premises of a code location. Raises SettingInvalid with file, key and remedy."""
    env = os.environ if environment is None else environment
    path = Path(env.get("ENGINESHED_LOCATION") or location_file or "location.yaml").resolve()
    location = read_location(path)
    platform = read_platform(Path(env["ENGINESHED_PLATFORM"]) if env.get("ENGINESHED_PLATFORM") else None)
    home = Path(env.get("ENGINESHED_HOME") or path.parent / (location.home or ".engineshed")).resolve()
    if env.get("ENGINESHED_LEDGER_URL"):
        platform = platform.model_copy(update={"ledger_url": env["ENGINESHED_LEDGER_URL"]})
    return Premises(
        location=location,
        platform=platform,
        home=home,
        payloads=Path(env.get("ENGINESHED_PAYLOADS") or path.parent / (location.payloads or ".")).resolve(),
        data_root=_data_root(env.get("ENGINESHED_DATA_ROOT"), location, path, home),
        image_digest=env.get("ENGINESHED_IMAGE_DIGEST") or None,
        lock_hash=env.get("ENGINESHED_LOCK_HASH") or None,
    )


def _data_root(from_environment: str | None, location: LocationSettings, path: Path, home: Path) -> str:
    if from_environment:
        return from_environment if "://" in from_environment else str(Path(from_environment).resolve())
    if not location.data_root:
        return str(home / "data")
    return location.data_root if "://" in location.data_root else str((path.parent / location.data_root).resolve())


@functools.lru_cache(maxsize=8)
def _shed(location_file: str, environment: tuple[tuple[str, str], ...]) -> Shed:
    premises = read_premises(location_file, dict(environment))
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
