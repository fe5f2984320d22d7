"""The run launcher of the platform: a run starts in the namespace of its team, under its account, from its image.

What decides is where discovery found the code location. What a code server serves about itself, and what a run's tags
say, is checked on the finished Job, field by field; the run is refused when any of it reaches further.
"""

from engineshed.running.launcher.tenant import TenantRunLauncher

__all__ = ["TenantRunLauncher"]
