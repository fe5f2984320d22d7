"""Finds engines and channels by entry point, the built-in ones too, and builds them.

An engine that cannot be built keeps its reason and the others still work. Only one that the settings name by hand
must be built: a wrong setting fails at load, not at night.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from engineshed.model.errors import ConfigurationInvalid, ExtraMissing, SettingInvalid
from engineshed.ports.channel import Channel
from engineshed.ports.engine import Engine, Surroundings
from engineshed.running.schema_keys import likely

ENGINES = "engineshed.engines"
CHANNELS = "engineshed.channels"


@dataclass(frozen=True, slots=True)
class Roster:
    """What was built, and why the rest was not."""

    engines: Mapping[str, Engine]
    channels: Mapping[str, Channel]
    rejected: Mapping[str, str]
    rejected_channels: Mapping[str, str]


def build_roster(
    engines: Mapping[str, Mapping[str, Any]], channels: Mapping[str, Mapping[str, Any]], surroundings: Surroundings
) -> Roster:
    """Build all that is installed. Raises SettingInvalid for a named engine that does not exist or cannot be built."""
    built_engines, rejected = _build(ENGINES, engines, surroundings)
    built_channels, without = _build(CHANNELS, channels, surroundings)
    return Roster(built_engines, built_channels, rejected, without)


def check_engines(engines: Mapping[str, Mapping[str, Any]], surroundings: Surroundings) -> None:
    """Check the settings of the engines that are named, when a location is loaded and nothing is to run yet.

    Raises SettingInvalid. An engine whose SDK is not here is passed over: who only loads definitions needs none.
    """
    points = installed(ENGINES)
    _refuse_absent(ENGINES, engines, points)
    for name, settings in engines.items():
        try:
            points[name].load()(settings, surroundings)
        except (ExtraMissing, ImportError):
            continue


def require_engines(place: str, names: Iterable[str]) -> None:
    """Raises SettingInvalid for a name that is no installed engine's; `place` is where it was written."""
    points = installed(ENGINES)
    for name in names:
        if name not in points:
            here = f"installed: {', '.join(sorted(points))}"
            raise SettingInvalid(f"{place}: no such engine; {here} (got {name!r}{likely(name, points)}).")


def installed(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name. Raises SettingInvalid when two distributions claim one name."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.get(point.name)
        if other is not None and other.value != point.value:
            raise SettingInvalid(
                f"two distributions offer {group} {point.name!r} ({other.value} and {point.value}): uninstall one."
            )
        found[point.name] = point
    return found


def _build(
    group: str, settings: Mapping[str, Mapping[str, Any]], surroundings: Surroundings
) -> tuple[dict[str, Any], dict[str, str]]:
    points = installed(group)
    _refuse_absent(group, settings, points)
    built: dict[str, Any] = {}
    rejected: dict[str, str] = {}
    for name, point in sorted(points.items()):
        try:
            built[name] = point.load()(settings.get(name, {}), surroundings)
        except ConfigurationInvalid as error:
            if name in settings:
                raise
            rejected[name] = str(error)
    return built, rejected


def _refuse_absent(group: str, names: Iterable[str], points: Mapping[str, EntryPoint]) -> None:
    kind = group.rsplit(".", 1)[-1]
    for name in names:
        if name not in points:
            here = f"Installed {kind}: {', '.join(sorted(points))}"
            raise SettingInvalid(f"{kind}.{name}: not installed{likely(name, points) or '.'} {here}.")
