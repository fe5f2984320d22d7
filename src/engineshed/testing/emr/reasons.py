"""Why clusters end, in EMR's words.

Codes: `ClusterStateChangeReason` in the EMR API Reference. Details: "Error codes with ErrorDetail information" in the
EMR Management Guide, with the members of ErrorData that each page lists. Messages are of the kind that AWS gives; AWS
asks not to read them by program.
"""

from __future__ import annotations

from engineshed.testing.emr.faults import ClusterFault, ClusterTrouble
from engineshed.testing.emr.hands import BootstrapFailure
from engineshed.testing.emr.records import SPOT, Cluster, Instance, Reason

USER_REQUEST = Reason("USER_REQUEST", "Terminated by user request")
IDLE = Reason("USER_REQUEST", "Cluster auto-terminated: it was idle for as long as its auto-termination policy allows")
STEPS_COMPLETED = Reason("ALL_STEPS_COMPLETED", "Steps completed")
STEPS_COMPLETED_WITH_ERRORS = Reason("ALL_STEPS_COMPLETED", "Steps completed with errors")
STEP_FAILED = Reason("STEP_FAILURE", "Shut down as step failed")
NO_CORE_LEFT = Reason("INSTANCE_FAILURE", "All slaves in the job flow were terminated")

_DOC = "https://docs.aws.amazon.com/emr/latest/ManagementGuide"
_WELL = ("ALL_STEPS_COMPLETED", "USER_REQUEST")


def final_state(reason: Reason) -> str:
    """TERMINATED for an end that is no error, TERMINATED_WITH_ERRORS for the others."""
    return "TERMINATED" if reason.code in _WELL else "TERMINATED_WITH_ERRORS"


def _detailed(code: str, message: str, detail: str, **data: str) -> Reason:
    pairs = tuple((name.replace("_", "-"), value) for name, value in data.items())
    return Reason(code, message, detail, (*pairs, ("public-doc", f"{_DOC}/{detail}.html")))


def bootstrap_failed(cluster: Cluster, failure: BootstrapFailure) -> Reason:
    """Of the action with that number."""
    ec2_id = _master_id(cluster)
    where = f"On the master instance ({ec2_id}), bootstrap action {failure.number}"
    if failure.found:
        said, detail = f"{where} returned a non-zero return code", "BOOTSTRAP_FAILURE_PRIMARY_WITH_NON_ZERO_CODE"
    else:
        said, detail = f"{where} could not be downloaded", "BOOTSTRAP_FAILURE_BA_DOWNLOAD_FAILED_PRIMARY"
    return _detailed(
        "BOOTSTRAP_FAILURE", said, detail, primary_instance_id=ec2_id, bootstrap_action=str(failure.number)
    )


def spot_timeout(kind: str, missing: int) -> Reason:
    """No spot machines within the fleet's timeout, and TERMINATE_CLUSTER."""
    why = f"Failed to provision {missing} Spot units of the {kind} instance fleet within the timeout."
    return Reason("INSTANCE_FLEET_TIMEOUT", why)


def no_capacity(kind: str, instance_type: str, market: str, zone: str) -> Reason:
    """EC2 has had no such machine for too long."""
    if kind == "MASTER" and market == SPOT:
        said, detail = (
            f"EC2 has no Spot capacity for {instance_type} in {zone}.",
            "INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY",
        )
    else:
        said = f"EC2 has insufficient capacity for {instance_type} in {zone}."
        detail = "INTERNAL_ERROR_EC2_INSUFFICIENT_CAPACITY_AZ"
    return _detailed("INTERNAL_ERROR", said, detail, instance_type=instance_type, availability_zone=zone)


def master_lost(instance: Instance) -> Reason:
    """To EC2's spot market."""
    return Reason("INSTANCE_FAILURE", f"The master instance ({instance.ec2_id}) was terminated due to Spot")


def of_fault(cluster: Cluster, fault: ClusterFault) -> Reason:
    """Of a fault that ends a cluster, with its own message and detail where it has them."""
    code, message = {
        ClusterTrouble.ENDED_BY_PERSON: (USER_REQUEST.code, USER_REQUEST.message),
        ClusterTrouble.VALIDATION: (
            "VALIDATION_ERROR",
            "The number of vCPUs for instance types requested exceeds the EC2 vCPU quota of this account.",
        ),
        ClusterTrouble.INTERNAL: ("INTERNAL_ERROR", "Failed to start the job flow due to an internal error"),
        ClusterTrouble.MASTER_LOST: ("INSTANCE_FAILURE", f"The master instance ({_master_id(cluster)}) failed"),
    }[fault.trouble]
    said = fault.message or message
    return _detailed(code, said, fault.detail) if fault.detail else Reason(code, said)


def _master_id(cluster: Cluster) -> str:
    return cluster.master.ec2_id if cluster.master else "unknown"
