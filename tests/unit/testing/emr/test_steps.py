import pytest
from tests.unit.testing.emr.asking import cluster, run, started, state, status, step, step_ids, step_states

from engineshed.testing.emr import EmrDouble, Faults, Script, StepFault, StepTrouble
from engineshed.testing.emr.refusals import Refusal


def named(**scripts: Script):
    """Scripts by the names of steps; a minute for the others."""
    return lambda step: scripts.get(step.config["Name"], Script())


def test_steps_run_one_after_the_other_with_five_seconds_between():
    with EmrDouble(scripts=Script(lasts_s=100)) as double:
        cluster_id = run(double, cluster(steps=[step("one"), step("two")]))
        double.clock.sleep(3600)
        first, second = reversed(double.call("ListSteps", ClusterId=cluster_id)["Steps"])
        between = second["Status"]["Timeline"]["StartDateTime"] - first["Status"]["Timeline"]["EndDateTime"]
        assert between.total_seconds() == 5
        assert step_states(double, cluster_id) == ["COMPLETED", "COMPLETED"]


def test_as_many_run_at_once_as_the_concurrency_level_says():
    with EmrDouble(scripts=Script(lasts_s=1000)) as double:
        steps = [step(str(n)) for n in range(4)]
        cluster_id = started(double, cluster(steps=steps, StepConcurrencyLevel=2))
        assert step_states(double, cluster_id) == ["RUNNING", "RUNNING", "PENDING", "PENDING"]
        double.call("ModifyCluster", ClusterId=cluster_id, StepConcurrencyLevel=3)
        assert step_states(double, cluster_id) == ["RUNNING", "RUNNING", "RUNNING", "PENDING"]


@pytest.mark.parametrize(
    ("action", "steps", "cluster_state", "code"),
    [
        ("CONTINUE", ["FAILED", "COMPLETED"], "TERMINATED", "ALL_STEPS_COMPLETED"),
        ("CANCEL_AND_WAIT", ["FAILED", "CANCELLED"], "WAITING", None),
        ("TERMINATE_CLUSTER", ["FAILED", "CANCELLED"], "TERMINATED_WITH_ERRORS", "STEP_FAILURE"),
        ("TERMINATE_JOB_FLOW", ["FAILED", "CANCELLED"], "TERMINATED_WITH_ERRORS", "STEP_FAILURE"),
    ],
)
def test_what_a_failure_does_is_the_steps_own_choice(action, steps, cluster_state, code):
    with EmrDouble(scripts=named(one=Script(exit_code=1))) as double:
        cluster_id = run(double, cluster(steps=[step("one", action=action), step("two")]))
        double.clock.sleep(3600)
        assert step_states(double, cluster_id) == steps
        assert state(double, cluster_id) == cluster_state
        assert status(double, cluster_id)["StateChangeReason"].get("Code") == code


def test_a_failed_step_of_a_cluster_that_completed_shows_only_in_the_step_and_the_message():
    with EmrDouble(scripts=Script(exit_code=1)) as double:
        cluster_id = run(double, cluster(steps=[step()]))
        double.clock.sleep(3600)
        assert status(double, cluster_id)["StateChangeReason"]["Message"] == "Steps completed with errors"
        found = double.call("DescribeStep", ClusterId=cluster_id, StepId=step_ids(double, cluster_id)[0])["Step"]
        assert found["Status"]["FailureDetails"]["Reason"] == "Unknown Error."


def test_a_failure_does_not_end_a_protected_cluster():
    with EmrDouble(scripts=Script(exit_code=1)) as double:
        cluster_id = run(double, cluster(protected=True, steps=[step(action="TERMINATE_CLUSTER"), step("two")]))
        double.clock.sleep(3600)
        assert (state(double, cluster_id), step_states(double, cluster_id)) == ("WAITING", ["FAILED", "CANCELLED"])


def test_a_running_step_is_cancelled_by_a_signal_and_its_action_on_failure_is_not_taken():
    with EmrDouble(scripts=Script(lasts_s=10_000, stop_s=20)) as double:
        cluster_id = started(double, cluster(keep=True, steps=[step(action="TERMINATE_CLUSTER"), step("two")]))
        first, _ = step_ids(double, cluster_id)
        (info,) = double.call("CancelSteps", ClusterId=cluster_id, StepIds=[first])["CancelStepsInfoList"]
        assert (info["StepId"], info["Status"]) == (first, "SUBMITTED")
        assert step_states(double, cluster_id) == ["CANCEL_PENDING", "PENDING"]
        double.clock.sleep(24)
        assert step_states(double, cluster_id) == ["CANCEL_PENDING", "PENDING"]
        double.clock.sleep(10)
        assert step_states(double, cluster_id) == ["CANCELLED", "RUNNING"]
        assert state(double, cluster_id) == "RUNNING"


def test_a_pending_step_is_cancelled_before_it_starts():
    with EmrDouble(scripts=Script(lasts_s=100)) as double:
        cluster_id = started(double, cluster(keep=True, steps=[step("one"), step("two")]))
        double.call("CancelSteps", ClusterId=cluster_id, StepIds=[step_ids(double, cluster_id)[1]])
        double.clock.sleep(300)
        assert step_states(double, cluster_id) == ["COMPLETED", "CANCELLED"]


def test_a_step_that_is_over_cannot_be_cancelled():
    with EmrDouble() as double:
        cluster_id = started(double, cluster(keep=True, steps=[step()]))
        double.clock.sleep(300)
        (info,) = double.call("CancelSteps", ClusterId=cluster_id, StepIds=step_ids(double, cluster_id))[
            "CancelStepsInfoList"
        ]
        assert (info["Status"], info["Reason"]) == ("FAILED", "Cannot cancel a step in COMPLETED state.")
        assert step_states(double, cluster_id) == ["COMPLETED"]


def test_a_deaf_step_ends_by_force_only():
    faults = Faults(steps=(StepFault(trouble=StepTrouble.DEAF),))
    with EmrDouble(scripts=Script(lasts_s=10_000), faults=faults) as double:
        cluster_id = started(double, cluster(keep=True, steps=[step()]))
        ids = step_ids(double, cluster_id)
        double.call("CancelSteps", ClusterId=cluster_id, StepIds=ids)
        double.clock.sleep(3600)
        assert step_states(double, cluster_id) == ["CANCEL_PENDING"]
        double.call("CancelSteps", ClusterId=cluster_id, StepIds=ids, StepCancellationOption="TERMINATE_PROCESS")
        double.clock.sleep(10)
        assert step_states(double, cluster_id) == ["CANCELLED"]


def test_a_stuck_step_ends_with_its_cluster_only():
    faults = Faults(steps=(StepFault(trouble=StepTrouble.STUCK),))
    with EmrDouble(scripts=Script(lasts_s=10), faults=faults) as double:
        cluster_id = started(double, cluster(steps=[step()]))
        double.clock.sleep(24 * 3600)
        assert step_states(double, cluster_id) == ["RUNNING"]
        double.call("TerminateJobFlows", JobFlowIds=[cluster_id])
        assert step_states(double, cluster_id) == ["CANCELLED"]


def test_a_fault_can_fail_the_second_step_that_starts():
    faults = Faults(steps=(StepFault(trouble=StepTrouble.FAILS, after=1),))
    with EmrDouble(faults=faults) as double:
        cluster_id = run(double, cluster(steps=[step("one"), step("two"), step("three")]))
        double.clock.sleep(3600)
        assert step_states(double, cluster_id) == ["COMPLETED", "FAILED", "COMPLETED"]


def test_deeds_happen_at_their_time_until_the_step_is_interrupted():
    said: list[str] = []
    deeds = tuple((at_s, lambda step: said.append(step.args[1])) for at_s in (0.0, 100.0, 200.0))
    with EmrDouble(scripts=Script(lasts_s=1000, deeds=deeds)) as double:
        cluster_id = started(double, cluster(keep=True, steps=[step("one", "spark-submit", "a b")]))
        assert said == ["a b"]
        double.clock.sleep(150)
        assert said == ["a b", "a b"]
        double.call("CancelSteps", ClusterId=cluster_id, StepIds=step_ids(double, cluster_id))
        double.clock.sleep(300)
        assert said == ["a b", "a b"]


def test_steps_are_added_until_the_cluster_ends():
    with EmrDouble() as double:
        cluster_id = run(double, cluster(keep=True))
        (early,) = double.call("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[step("early")])["StepIds"]
        double.clock.sleep(3600)
        (late,) = double.call("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[step("early")])["StepIds"]
        assert early != late
        double.clock.sleep(300)
        assert step_states(double, cluster_id) == ["COMPLETED", "COMPLETED"]
        double.call("TerminateJobFlows", JobFlowIds=[cluster_id])
        with pytest.raises(Refusal, match="may not be modified"):
            double.call("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[step()])


def test_a_cluster_holds_256_active_steps():
    with EmrDouble(scripts=Script(lasts_s=10_000)) as double:
        cluster_id = started(double, cluster(keep=True, steps=[step() for _ in range(256)]))
        with pytest.raises(Refusal, match="Maximum number of active steps"):
            double.call("AddJobFlowSteps", JobFlowId=cluster_id, Steps=[step()])
