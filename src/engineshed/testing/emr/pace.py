"""How long EMR takes. Defaults are what a cluster of a dozen machines is seen to take; `scaled` shortens them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Delays in seconds.

    provision_s: until EC2 hands over machines. boot_s: until one can run bootstrap actions. software_s: from the
    bootstrap actions to a cluster that takes steps. bootstrap_action_s: each, where none really runs. retry_s:
    between askings for machines that are not to be had. give_up_s: until a cluster that lacks some of its first
    machines is ended. step_s: from the end of a step to the start of the next. cancel_s: from the wish to cancel a
    step to the signal. terminate_s: from the wish to end a cluster to its end. scale_s: of load or idleness before
    managed scaling acts. idle_check_s: how often idleness is looked at. log_push_s: between deliveries of logs.
    factor: what durations that a request names (idle and spot timeouts) are multiplied by.
    """

    provision_s: float = 75.0
    boot_s: float = 60.0
    software_s: float = 150.0
    bootstrap_action_s: float = 15.0
    retry_s: float = 60.0
    give_up_s: float = 3600.0
    step_s: float = 5.0
    cancel_s: float = 5.0
    terminate_s: float = 90.0
    scale_s: float = 60.0
    idle_check_s: float = 60.0
    log_push_s: float = 300.0
    factor: float = 1.0

    def scaled(self, factor: float) -> Pace:
        """All delays times the factor."""
        return replace(self, **{field.name: getattr(self, field.name) * factor for field in fields(self)})
