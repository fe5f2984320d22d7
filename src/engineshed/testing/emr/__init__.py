"""A double of AWS EMR: the real boto3 talks to it over HTTP, and it keeps books on what was asked and what it costs.

    import boto3
    from engineshed.testing.emr import EmrDouble

    with EmrDouble() as double:                             # virtual time, no driver: `simulate`
        emr = boto3.client("emr", endpoint_url=double.endpoint_url, region_name="us-east-1", ...)
        emr.run_job_flow(...)
        double.clock.sleep(600)                             # ten minutes later
        double.submissions, double.billing_now()

    with EmrDouble(execute=True, time_scale=0.01) as double:    # real time, the submitted steps really run: `execute`
        double.neighbours.make_bucket("jobs")                   # S3 and other services, moto's, behind the same address
        ...

docs/doubles.md says what it does as AWS does, which faults it can be told to have, and what it does otherwise. Needs
the extras `emr` and `testing`, and `local` (pyspark) for `execute`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engineshed.testing.emr.billing import Bill, BilledInstance, Prices, SubmittedCluster, SubmittedStep
    from engineshed.testing.emr.double import EmrDouble
    from engineshed.testing.emr.faults import (
        CallFault,
        CallTrouble,
        ClusterFault,
        ClusterTrouble,
        Faults,
        StepFault,
        StepTrouble,
    )
    from engineshed.testing.emr.machines import Machines
    from engineshed.testing.emr.neighbours import Neighbours
    from engineshed.testing.emr.pace import Pace
    from engineshed.testing.emr.premises import Premises, furnish
    from engineshed.testing.emr.scripted import Script

# Imported when asked for: the commands of a cluster's machines are modules of this package and start within a blink.
_HOMES = {
    "Bill": "billing",
    "BilledInstance": "billing",
    "CallFault": "faults",
    "CallTrouble": "faults",
    "ClusterFault": "faults",
    "ClusterTrouble": "faults",
    "EmrDouble": "double",
    "Faults": "faults",
    "Machines": "machines",
    "Neighbours": "neighbours",
    "Pace": "pace",
    "Premises": "premises",
    "Prices": "billing",
    "Script": "scripted",
    "StepFault": "faults",
    "StepTrouble": "faults",
    "SubmittedCluster": "billing",
    "SubmittedStep": "billing",
    "furnish": "premises",
}

__all__ = [
    "Bill",
    "BilledInstance",
    "CallFault",
    "CallTrouble",
    "ClusterFault",
    "ClusterTrouble",
    "EmrDouble",
    "Faults",
    "Machines",
    "Neighbours",
    "Pace",
    "Premises",
    "Prices",
    "Script",
    "StepFault",
    "StepTrouble",
    "SubmittedCluster",
    "SubmittedStep",
    "furnish",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'engineshed.testing.emr' has no attribute {name!r}")
    return getattr(importlib.import_module(f"engineshed.testing.emr.{_HOMES[name]}"), name)
