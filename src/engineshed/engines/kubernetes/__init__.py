"""Engine `kubernetes`: a Spark driver as a Job of the team's namespace, its executors as pods beside it."""
