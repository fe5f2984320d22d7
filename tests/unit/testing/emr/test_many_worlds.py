"""A hundred clusters under random plans of faults: whatever happens, EMR's own rules hold."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from tests.unit.testing.emr.asking import cluster, fleet, spot_timeout, step

from engineshed.testing.emr import (
    CallFault,
    CallTrouble,
    ClusterFault,
    ClusterTrouble,
    EmrDouble,
    Faults,
    Script,
    StepFault,
    StepTrouble,
)
from engineshed.testing.emr.account import ConnectionLost
from engineshed.testing.emr.refusals import Refusal

_MAY_FOLLOW = {
    "STARTING": {"BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"},
    "BOOTSTRAPPING": {"RUNNING", "WAITING", "TERMINATING"},
    "RUNNING": {"WAITING", "TERMINATING"},
    "WAITING": {"RUNNING", "TERMINATING"},
    "TERMINATING": {"TERMINATED", "TERMINATED_WITH_ERRORS"},
}


def _plan(dice: random.Random) -> Faults:
    calls = [
        CallFault(
            trouble=dice.choice(list(CallTrouble)),
            on="Describe|List",
            after=dice.randrange(20),
            times=dice.randrange(1, 9),
        )
        for _ in range(dice.randrange(3))
    ]
    clusters = [
        ClusterFault(
            trouble=dice.choice(list(ClusterTrouble)),
            times=0,
            at_s=dice.uniform(0, 1500),
            lasting_s=dice.choice([0, 400, 2000]),
            market=dice.choice(["", "SPOT", "ON_DEMAND"]),
            count=dice.randrange(4),
            breaks_step=dice.random() < 0.5,
        )
        for _ in range(dice.randrange(3))
    ]
    steps = [StepFault(trouble=dice.choice(list(StepTrouble))) for _ in range(dice.randrange(2))]
    return Faults(calls=tuple(calls), clusters=tuple(clusters), steps=tuple(steps))


def _request(dice: random.Random) -> dict:
    action = dice.choice(["TERMINATE_CLUSTER", "SWITCH_TO_ON_DEMAND"])
    core = fleet(
        "CORE", on_demand=dice.randrange(3), spot=dice.randrange(1, 3), LaunchSpecifications=spot_timeout(action)
    )
    actions = ["CONTINUE", "CANCEL_AND_WAIT", "TERMINATE_CLUSTER"]
    steps = [step(str(n), action=dice.choice(actions)) for n in range(dice.randrange(1, 4))]
    limits = {"UnitType": "InstanceFleetUnits", "MinimumCapacityUnits": 1, "MaximumCapacityUnits": dice.randrange(1, 9)}
    more = {"ManagedScalingPolicy": {"ComputeLimits": limits}} if dice.random() < 0.5 else {}
    return cluster(core, fleet("TASK", spot=dice.randrange(3)), steps=steps, keep=dice.random() < 0.3, **more)


def _insist(double: EmrDouble, operation: str, **parameters: object) -> dict:
    """The answer, whatever it takes."""
    for _ in range(100):
        try:
            return dict(double.call(operation, **parameters))
        except ConnectionLost:
            continue
        except Refusal as no:
            if no.code in ("InvalidRequestException", "ValidationException"):
                return {}
    raise AssertionError(f"{operation} never answered")


@pytest.mark.parametrize("block", range(2))
def test_states_follow_each_other_and_nothing_is_billed_in_the_end(block: int) -> None:
    for seed in range(block * 50, block * 50 + 50):
        dice = random.Random(seed)
        script = Script(lasts_s=dice.uniform(10, 2000), exit_code=dice.choice([0, 0, 1]), stop_s=dice.uniform(0, 60))
        with EmrDouble(seed=seed, scripts=script, faults=_plan(dice)) as double:
            cluster_id = str(double.call("RunJobFlow", **_request(dice))["JobFlowId"])
            seen = ["STARTING"]
            for poll in range(60):
                double.clock.sleep(dice.uniform(1, 120))
                if poll == 40:
                    _insist(double, "TerminateJobFlows", JobFlowIds=[cluster_id])
                answer = _insist(double, "DescribeCluster", ClusterId=cluster_id)
                if not answer:
                    break
                seen.append(answer["Cluster"]["Status"]["State"])
            for before, after in pairwise(seen):
                assert before == after or _reaches(before, after), (seed, seen)
            double.clock.sleep(4000)
            record = double.cluster(cluster_id)
            assert record.state in ("TERMINATED", "TERMINATED_WITH_ERRORS"), (seed, seen)
            assert all(s.over for s in record.steps), seed
            assert double.billing_now() == [], seed
            assert all(b.end is not None and b.start <= b.end <= double.now for b in double.bills), seed


def _reaches(before: str, after: str) -> bool:
    """Whether a look may find one state after the other, having missed some between."""
    reached, waiting = set(), [before]
    while waiting:
        for state in _MAY_FOLLOW.get(waiting.pop(), ()):
            if state not in reached:
                reached.add(state)
                waiting.append(state)
    return after in reached
