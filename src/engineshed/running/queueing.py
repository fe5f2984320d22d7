"""TeamRunCoordinator: QueuedRunCoordinator that writes on each run whose it is, before the queue counts.

The limit per team counts the run tag `team`. What a job or a person wrote there is replaced by what discovery knows of
the code location, so that no team queues on another's account; a run of a location that is not known is counted with
its like, and refused when it is launched.

Every process that opens the instance makes one, run pods of teams too, whose images have no Kubernetes client: what
looks a team up is imported where runs are queued.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import DagsterRun, Field, QueuedRunCoordinator, StringSource
from dagster._core.run_coordinator import SubmitRunContext
from dagster._serdes import ConfigurableClassData

from engineshed.model.errors import LaunchRefused
from engineshed.running.system_clock import SystemClock

TEAM_TAG = "team"
UNKNOWN = "unknown"


class TeamRunCoordinator(QueuedRunCoordinator):
    """QueuedRunCoordinator with one more setting.

    Args:
        locations_file: locations.json of the discovery sidecar in this pod.
    """

    def __init__(
        self,
        locations_file: str = "/workspace/locations.json",
        inst_data: ConfigurableClassData | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(inst_data=inst_data, **settings)
        self._locations_file = Path(locations_file)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """QueuedRunCoordinator's settings, and ours."""
        theirs: Mapping[str, Any] = super().config_type()  # type: ignore[assignment]
        ours = Field(
            StringSource,
            is_required=False,
            default_value="/workspace/locations.json",
            description="locations.json, kept by `engineshed discover` in this pod.",
        )
        return {**theirs, "locations_file": ours}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> TeamRunCoordinator:
        """As Dagster makes it from dagster.yaml."""
        return cls(inst_data=inst_data, **config_value)

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Tag the run with its team, then queue it."""
        run = context.dagster_run
        team = self._team(run)
        if run.tags.get(TEAM_TAG) != team:
            self._instance.add_run_tags(run.run_id, {TEAM_TAG: team})
        return super().submit_run(context)

    def _team(self, run: DagsterRun) -> str:
        from engineshed.running.launcher.warrant import Authority

        try:
            return Authority(self._locations_file, SystemClock(), wait_s=0.0).location_of(run).team
        except LaunchRefused:
            return UNKNOWN
