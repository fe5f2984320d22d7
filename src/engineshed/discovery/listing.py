"""locations.json: who stands behind each code location, as the platform found it.

Discovery writes it; the run launcher takes namespace, service account, team and image of a run from it and from nothing
else. A file that does not fit this form is refused whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engineshed.model.errors import SettingInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLocation:
    """A code location and the Service it was found behind.

    `listed` says whether the workspace holds it: a location whose server is away for long is not listed, but stays here
    as long as its Service exists, so that its live runs can be watched and ended.
    """

    name: str
    namespace: str
    team: str
    service_account: str
    image: str
    service: str
    host: str
    port: int
    uid: str
    created: str
    listed: bool = True
    shown: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> tuple[str, str, int]:
        """What the workspace knows of it: name, host, port."""
        return (self.name, self.host, self.port)


@dataclass(frozen=True, slots=True)
class Listing:
    """Every code location that is known, by name."""

    locations: Mapping[str, CodeLocation] = field(default_factory=dict)


def render_listing(listing: Listing, as_of: str) -> str:
    """The text of locations.json; `as_of` is the ISO time of this change."""
    entries = {name: _entry(location) for name, location in sorted(listing.locations.items())}
    return json.dumps({"locations": entries, "as_of": as_of}, indent=1, sort_keys=True) + "\n"


def parse_listing(text: str, place: str) -> Listing:
    """The listing of a locations.json. Raises SettingInvalid naming `place`, the entry and the fact."""
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise SettingInvalid(f"{place} is no JSON ({error}): it is written by `engineshed discover`.") from None
    entries = plain.get("locations") if isinstance(plain, dict) else None
    if not isinstance(entries, dict):
        raise SettingInvalid(f"{place} has no `locations`: it is written by `engineshed discover`.")
    return Listing({name: _location(name, entry, place) for name, entry in entries.items()})


def _entry(location: CodeLocation) -> dict[str, Any]:
    plain = asdict(location)
    del plain["name"]
    return plain


_TYPES: Mapping[str, type] = {"port": int, "listed": bool, "shown": dict}


def _location(name: str, entry: object, place: str) -> CodeLocation:
    if not isinstance(entry, dict):
        raise SettingInvalid(f"{place}: entry {name!r} is no mapping: let `engineshed discover` write the file.")
    known = {f.name for f in fields(CodeLocation)} - {"name"}
    wrong = [key for key in known if not isinstance(entry.get(key), _TYPES.get(key, str))]
    if wrong:
        raise SettingInvalid(
            f"{place}: entry {name!r} lacks {', '.join(sorted(wrong))}: let `engineshed discover` write the file."
        )
    return CodeLocation(name=name, **{key: entry[key] for key in known})
