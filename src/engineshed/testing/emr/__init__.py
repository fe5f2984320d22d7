"""A double of AWS EMR: real HTTP for the real boto3, EMR's states and reasons, faults on request, and books of what
it cost.

    with EmrDouble() as double:                                   # simulate: a virtual clock, steps are lines of a plan
        emr = boto3.client("emr", endpoint_url=double.endpoint_url, region_name="us-east-1")
        emr.run_job_flow(...)
        double.clock.sleep(600)                                   # ten minutes pass
        double.submissions, double.billing_now()
"""

from __future__ import annotations

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
from engineshed.testing.emr.neighbours import Neighbours
from engineshed.testing.emr.pace import Pace
from engineshed.testing.emr.scripted import Script

__all__ = [
    "Bill",
    "BilledInstance",
    "CallFault",
    "CallTrouble",
    "ClusterFault",
    "ClusterTrouble",
    "EmrDouble",
    "Faults",
    "Neighbours",
    "Pace",
    "Prices",
    "Script",
    "StepFault",
    "StepTrouble",
    "SubmittedCluster",
    "SubmittedStep",
]
