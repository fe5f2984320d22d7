"""workspace.yaml and locations.json, written whole or not at all.

A file is rendered, read back by its own rules, written beside its place and moved over it. What is not valid is never
written, so the file in place is always the last good one: the daemon dies of a broken workspace after five minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engineshed.discovery import marks
from engineshed.discovery.listing import CodeLocation, Listing, parse_listing, render_listing
from engineshed.model.errors import SettingInvalid

WORKSPACE_FILE = "workspace.yaml"
LOCATIONS_FILE = "locations.json"


@dataclass(frozen=True, slots=True)
class Written:
    """What a write changed."""

    workspace: bool
    locations: bool


def render_workspace(listing: Listing) -> str:
    """The text of workspace.yaml: the listed locations by name.

    Only what seldom changes is told as metadata: it is part of a location's identity in Dagster, and a commit or an
    image there would make every rollout a new location and reload the workspace of all.
    """
    entries = [_entry(location) for _, location in sorted(listing.locations.items()) if location.listed]
    text = yaml.safe_dump({"load_from": entries}, sort_keys=True, allow_unicode=False)
    _check_workspace(text)
    return text


def endpoints(listing: Listing) -> frozenset[tuple[str, str, int]]:
    """Name, host and port of each listed location."""
    return frozenset(location.endpoint for location in listing.locations.values() if location.listed)


def read_listing(folder: Path) -> Listing:
    """What an earlier process wrote; an empty listing where there is none. Raises SettingInvalid on another's file."""
    try:
        text = (folder / LOCATIONS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Listing()
    return parse_listing(text, str(folder / LOCATIONS_FILE))


def write_listing(folder: Path, listing: Listing, as_of: str) -> Written:
    """Bring both files up to date; an unchanged one is left alone. Raises OSError when the folder cannot be written.

    locations.json comes first: a run of a location that the webserver lists must find its namespace there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    locations = listing != _on_disk(folder) and _replace(folder / LOCATIONS_FILE, render_listing(listing, as_of))
    workspace = _replace(folder / WORKSPACE_FILE, render_workspace(listing))
    return Written(workspace, locations)


def _on_disk(folder: Path) -> Listing | None:
    try:
        return read_listing(folder) if (folder / LOCATIONS_FILE).exists() else None
    except SettingInvalid:
        return None


def _replace(path: Path, text: str) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return True


def _entry(location: CodeLocation) -> dict[str, Any]:
    told = {key: location.shown[key] for key in ("owners", "contact") if key in location.shown}
    return {
        "grpc_server": {
            "host": location.host,
            "port": location.port,
            "location_name": location.name,
            "additional_metadata": {"team": location.team, "namespace": location.namespace, **told},
        }
    }


def _check_workspace(text: str) -> None:
    """Read back what was rendered. Raises SettingInvalid: then the file in place stays."""
    entries = yaml.safe_load(text)["load_from"]
    names = [entry["grpc_server"]["location_name"] for entry in entries]
    _check_each("location name", marks.LOCATION_NAME, names)
    if len(set(names)) != len(names):
        raise SettingInvalid(f"a code location would be listed twice in {WORKSPACE_FILE}: {sorted(names)}.")


def _check_each(what: str, pattern: Any, values: Iterable[object]) -> None:
    wrong = [value for value in values if not marks.is_whole(pattern, value)]
    if wrong:
        raise SettingInvalid(f"{what} {wrong[0]!r} would break {WORKSPACE_FILE}: it is not listed.")
