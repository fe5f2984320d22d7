"""Which code locations are listed over time. Pure: time is an argument.

A location is listed from the first moment an endpoint of it is ready, and stays for a grace period after the last one
went, so that a rollout or a lost node does not make it flicker. When its Service is gone too, it is forgotten after the
grace period; while the Service is there, it stays known (not listed), because its runs may still be alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engineshed.discovery.catalogue import Sighting
from engineshed.discovery.listing import CodeLocation, Listing


@dataclass(frozen=True, slots=True)
class _Seen:
    location: CodeLocation
    ready_s: float | None
    present_s: float


@dataclass(frozen=True, slots=True)
class Presence:
    """What was seen and when, on a clock of monotonic seconds."""

    grace_s: float
    seen: Mapping[str, _Seen] = field(default_factory=dict)

    @classmethod
    def remembered(cls, listing: Listing, now_s: float, grace_s: float) -> Presence:
        """What an earlier process had listed counts as seen now: a restart starts the grace period anew."""
        seen = {n: _Seen(x, now_s if x.listed else None, now_s) for n, x in listing.locations.items()}
        return cls(grace_s, seen)

    def after(self, sightings: Mapping[str, Sighting], now_s: float) -> Presence:
        """The presence after one look at the cluster."""
        kept = {n: s for n, s in self.seen.items() if n not in sightings and now_s - s.present_s < self.grace_s}
        for name, sighting in sightings.items():
            kept[name] = self._updated(sighting, self.seen.get(name), now_s)
        return Presence(self.grace_s, kept)

    def listing(self, now_s: float) -> Listing:
        """What the workspace and the launcher are told."""
        return Listing(
            {name: replace(s.location, listed=self._is_listed(s, now_s)) for name, s in sorted(self.seen.items())}
        )

    def _updated(self, sighting: Sighting, before: _Seen | None, now_s: float) -> _Seen:
        location = sighting.location
        if sighting.ready:
            return _Seen(location, now_s, now_s)
        if before is None:
            return _Seen(location, None, now_s)
        if before.location.uid != location.uid and self._is_listed(before, now_s):
            # A reinstalled release that is not ready yet: the workspace keeps the name, at the address it will have.
            same_place = (before.location.namespace, before.location.service) == (location.namespace, location.service)
            return _Seen(location, before.ready_s if same_place else None, now_s)
        return _Seen(location, before.ready_s, now_s)

    def _is_listed(self, seen: _Seen, now_s: float) -> bool:
        return seen.ready_s is not None and now_s - seen.ready_s < self.grace_s
