"""How long the platform takes.

Defaults are what a job cluster on AWS is seen to take; `scaled` shortens all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Delays in seconds.

    cluster_start_s: from the request to the first command. pool_start_s: the same, with an idle instance of a pool.
    serverless_start_s: of serverless compute. workers_s: until the workers are there too, counted from the driver.
    library_s: each library. wrap_up_s: from the script's end to the run's. cancel_s: from the wish to the end.
    terminate_s: of a cluster.
    autoscale_s: of load before more workers are asked for. replace_s: until a lost worker is replaced.
    log_push_s: between deliveries of the driver's logs. log_roll_s: between its archives.
    """

    cluster_start_s: float = 240.0
    pool_start_s: float = 60.0
    serverless_start_s: float = 15.0
    workers_s: float = 20.0
    library_s: float = 10.0
    wrap_up_s: float = 2.0
    cancel_s: float = 3.0
    terminate_s: float = 30.0
    autoscale_s: float = 60.0
    replace_s: float = 180.0
    log_push_s: float = 300.0
    log_roll_s: float = 3600.0

    def scaled(self, factor: float) -> Pace:
        """All delays times the factor."""
        return Pace(**{field.name: getattr(self, field.name) * factor for field in fields(self)})
