"""What is asked of steps: add, describe, list, cancel."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from engineshed.testing.emr import describing
from engineshed.testing.emr.api import finding
from engineshed.testing.emr.paging import page, paged
from engineshed.testing.emr.refusals import bad_request, invalid
from engineshed.testing.emr.requests import MOST_STEPS, refuse_steps

if TYPE_CHECKING:
    from engineshed.testing.emr.account import Account

Given = dict[str, Any]

_MOST_IDS = 10


def add_job_flow_steps(account: Account, given: Given) -> Given:
    """Each call adds new ones, whatever their names."""
    cluster = finding.open_job_flow(account, given["JobFlowId"])
    refuse_steps(given["Steps"], concurrency=cluster.step_concurrency)
    if sum(not step.over for step in cluster.steps) + len(given["Steps"]) > MOST_STEPS:
        raise invalid(
            "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded."
        )
    added = account.machine.steps.add(cluster, deepcopy(given["Steps"]), given.get("ExecutionRoleArn", ""))
    return {"StepIds": [step.id for step in added]}


def describe_step(account: Account, given: Given) -> Given:
    """One."""
    found = finding.step(finding.cluster(account, given["ClusterId"]), given["StepId"])
    said = describing.step(found)
    return {"Step": said | ({"ExecutionRoleArn": found.execution_role} if found.execution_role else {})}


def list_steps(account: Account, given: Given) -> Given:
    """Newest first, unless ids are given."""
    cluster = finding.cluster(account, given["ClusterId"])
    wanted, states = given.get("StepIds"), given.get("StepStates")
    if wanted and len(wanted) > _MOST_IDS:
        raise bad_request(f"At most {_MOST_IDS} step ids can be given.")
    if wanted and states:
        raise bad_request("Only one of StepIds and StepStates can be given.")
    steps = [finding.step(cluster, step_id) for step_id in wanted] if wanted else list(reversed(cluster.steps))
    found = [step for step in steps if not states or step.state in states]
    items, marker = page(found, f"steps of {cluster.id}", given.get("Marker"), account.page_size, lambda s: s.id)
    return paged("Steps", [describing.step(step) for step in items], marker)


def cancel_steps(account: Account, given: Given) -> Given:
    """Asks only: what becomes of it is seen in the steps' states."""
    cluster = finding.cluster(account, given["ClusterId"])
    steps = [finding.step(cluster, step_id) for step_id in given["StepIds"]]
    option = given.get("StepCancellationOption", "SEND_INTERRUPT")
    infos = []
    for step in steps:
        why_not = account.machine.steps.cancel(step, option)
        infos.append({"StepId": step.id, "Status": "FAILED" if why_not else "SUBMITTED", "Reason": why_not})
    return {"CancelStepsInfoList": infos}


HANDLERS = {
    "AddJobFlowSteps": add_job_flow_steps,
    "DescribeStep": describe_step,
    "ListSteps": list_steps,
    "CancelSteps": cancel_steps,
}
