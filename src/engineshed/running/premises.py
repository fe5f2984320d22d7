"""The settings in force for one code location, with every path made absolute.

The environment is an argument: only assets/resource.py and the command line read the real one.

| variable | means | default |
|---|---|---|
| ENGINESHED_LOCATION | path of location.yaml | given by the code location |
| ENGINESHED_PLATFORM | path of platform.yaml | embedded defaults |
| ENGINESHED_HOME | folder for state on this machine | `home` of location.yaml, else `.engineshed` |
| ENGINESHED_PAYLOADS | folder of the team's job scripts | `payloads` of location.yaml |
| ENGINESHED_DATA_ROOT | where datasets are published | `data_root` of location.yaml, else `data` in the home folder |
| ENGINESHED_LEDGER_URL | SQLAlchemy URL of the ledger | `ledger_url` of platform.yaml, else SQLite in the home folder |
| ENGINESHED_EXPORTER_URL | where live progress is posted | `exporter_url` of platform.yaml |
| ENGINESHED_TEAM | the team of this namespace: another `team` in location.yaml is refused | not checked |
| ENGINESHED_IMAGE_DIGEST | provenance: the image that runs | not recorded |
| ENGINESHED_LOCK_HASH | provenance: the lock it was made from | the nearest requirements.lock above location.yaml |
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from engineshed.model.errors import SettingInvalid
from engineshed.model.objective import Layer
from engineshed.running.settings import LocationSettings, PlatformSettings, read_location, read_platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """The settings in force, with every path made absolute."""

    location_file: Path
    location: LocationSettings
    platform: PlatformSettings
    home: Path
    payloads: Path
    data_root: str
    image_digest: str | None = None
    lock_hash: str | None = None

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger, password and all."""
        return self.platform.ledger_url or f"sqlite:///{self.home / 'ledger.db'}"

    def layers(self, run: Layer, asset: Layer) -> tuple[Layer, ...]:
        """Platform policy, then run override, then asset, then team default. The policy's budgets cap all others."""
        return (
            Layer("platform policy", self.platform.policy.objective(), caps=True),
            run,
            asset,
            Layer("team default", self.location.objective.objective()),
        )


def read_premises(location_file: str | None, env: Mapping[str, str]) -> Premises:
    """The premises of a code location. Raises SettingInvalid with file, key and remedy."""
    path = Path(env.get("ENGINESHED_LOCATION") or location_file or "location.yaml").resolve()
    location = read_location(path)
    platform = read_platform_in(env)
    home = Path(env.get("ENGINESHED_HOME") or path.parent / (location.home or ".engineshed")).resolve()
    _refuse_other_team(location, path, env)
    folders = {name: str((path.parent / folder).resolve()) for name, folder in location.environments.items()}
    return Premises(
        location_file=path,
        location=location.model_copy(update={"environments": folders}),
        platform=platform,
        home=home,
        payloads=Path(env.get("ENGINESHED_PAYLOADS") or path.parent / (location.payloads or ".")).resolve(),
        data_root=_data_root(env.get("ENGINESHED_DATA_ROOT"), location, path, home),
        image_digest=env.get("ENGINESHED_IMAGE_DIGEST") or None,
        lock_hash=env.get("ENGINESHED_LOCK_HASH") or _lock_hash(path),
    )


def read_platform_in(env: Mapping[str, str]) -> PlatformSettings:
    """The platform's settings in that environment, the ledger's password put in. Raises SettingInvalid."""
    platform = read_platform(Path(env["ENGINESHED_PLATFORM"]) if env.get("ENGINESHED_PLATFORM") else None)
    if env.get("ENGINESHED_EXPORTER_URL"):
        platform = platform.model_copy(update={"exporter_url": env["ENGINESHED_EXPORTER_URL"]})
    if env.get("ENGINESHED_LEDGER_URL"):
        return platform.model_copy(update={"ledger_url": env["ENGINESHED_LEDGER_URL"]})
    variable = platform.ledger_password_env
    if not (platform.ledger_url and variable):
        return platform
    if not env.get(variable):
        raise SettingInvalid(
            f"ledger_password_env names the variable {variable}, which is not set: "
            "set it from the secret that holds the database's password."
        )
    try:
        url = make_url(platform.ledger_url).set(password=env[variable])
    except ArgumentError:
        raise SettingInvalid(f"ledger_url {platform.ledger_url!r} is no database URL.") from None
    return platform.model_copy(update={"ledger_url": url.render_as_string(hide_password=False)})


def _refuse_other_team(location: LocationSettings, path: Path, env: Mapping[str, str]) -> None:
    team = env.get("ENGINESHED_TEAM")
    if team and team != location.team:
        raise SettingInvalid(
            f"settings file {path}: team is {location.team!r}, but this runs in a namespace of team {team!r}: "
            "write that team, or install the release in the namespace of its own."
        )


def _lock_hash(location_file: Path) -> str | None:
    """The hash of the lock that the location was installed from: the nearest requirements.lock above its settings."""
    for folder in location_file.parents:
        lock = folder / "requirements.lock"
        if lock.is_file():
            return f"sha256:{hashlib.sha256(lock.read_bytes()).hexdigest()}"
    return None


def _data_root(from_environment: str | None, location: LocationSettings, path: Path, home: Path) -> str:
    if from_environment:
        return from_environment if "://" in from_environment else str(Path(from_environment).resolve())
    if not location.data_root:
        return str(home / "data")
    return location.data_root if "://" in location.data_root else str((path.parent / location.data_root).resolve())
