"""What one run may be started with, and the only source of it: locations.json of discovery.

A run whose location is unknown, or that was planned by a code server other than the one now known, has no warrant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dagster import DagsterRun
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin

from engineshed.discovery import marks
from engineshed.discovery.listing import CodeLocation, parse_listing
from engineshed.model.errors import LaunchRefused, SettingInvalid
from engineshed.ports.clock import Clock

#: How often the file is read while a location is awaited.
_POLL_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """A run's Job must have exactly these."""

    namespace: str
    team: str
    code_location: str
    service_account: str
    image: str
    job_name: str
    arguments: Sequence[str]
    own_labels: Mapping[str, str]
    service: str
    service_uid: str

    @property
    def owner(self) -> Mapping[str, str]:
        """The Service of the team's release: what it started goes when it is uninstalled."""
        return {"apiVersion": "v1", "kind": "Service", "name": self.service, "uid": self.service_uid}

    @property
    def labels(self) -> Mapping[str, str]:
        """Every label that only the platform sets."""
        return {
            marks.TEAM: self.team,
            marks.CODE_LOCATION: self.code_location,
            marks.ROLE: "run",
            **self.own_labels,
        }


class Authority:
    """Reads locations.json of this pod. A location may be new: its first run waits a little for this pod's copy."""

    def __init__(self, file: Path, clock: Clock, wait_s: float) -> None:
        self._file, self._clock, self._wait_s = file, clock, wait_s

    def location_of(self, run: DagsterRun, wait: bool = False) -> CodeLocation:
        """The code location that planned the run. Raises LaunchRefused with name, fact and remedy."""
        ends_s = self._clock.monotonic_s() + (self._wait_s if wait else 0)
        while True:
            try:
                return self._location_now(run)
            except LaunchRefused:
                if self._clock.monotonic_s() >= ends_s:
                    raise
            self._clock.sleep(_POLL_S)

    def _location_now(self, run: DagsterRun) -> CodeLocation:
        origin = run.remote_job_origin
        if origin is None:
            raise LaunchRefused(
                f"run {run.run_id} does not say which code location planned it: launch it through the webserver."
            )
        planner = origin.repository_origin.code_location_origin
        known = self._known()
        location = known.get(planner.location_name)
        if location is None:
            raise LaunchRefused(
                f"code location {planner.location_name!r} of run {run.run_id} is not known here (known: "
                f"{', '.join(sorted(known)) or 'none'}): is its release installed, its namespace labelled?"
            )
        if not isinstance(planner, GrpcServerCodeLocationOrigin):
            raise LaunchRefused(f"code location {location.name!r} was not loaded from a code server: reload it.")
        if (planner.host, planner.port) != (location.host, location.port):
            raise LaunchRefused(
                f"run {run.run_id} was planned by the code server at {planner.host}:{planner.port}, but code location "
                f"{location.name!r} is at {location.host}:{location.port}: launch the run anew."
            )
        return location

    def _known(self) -> Mapping[str, CodeLocation]:
        try:
            return parse_listing(self._file.read_text(encoding="utf-8"), str(self._file)).locations
        except FileNotFoundError:
            raise LaunchRefused(
                f"{self._file} does not exist: `engineshed discover` must run in this pod and write it."
            ) from None
        except (OSError, SettingInvalid) as error:
            raise LaunchRefused(f"{self._file} cannot be read: {error}") from None
