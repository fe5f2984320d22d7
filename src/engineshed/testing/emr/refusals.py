"""How EMR says no: HTTP status, `__type` and message, as botocore's parser of JSON 1.1 reads them.

Codes are those of the API's model and of "Common Errors" in the EMR API Reference; the texts are those that AWS
answers, where known.
"""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, code: str, message: str, status: int = 400, **also: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.code, self.message, self.status, self.also = code, message, status, also

    def body(self) -> dict[str, Any]:
        """As JSON on the wire. AWS spells the text `Message` in exceptions of the model and `message` elsewhere."""
        name = "Message" if self.code in ("InvalidRequestException", "InternalServerException") else "message"
        return {"__type": self.code, name: self.message, **self.also}


def invalid(message: str) -> Refusal:
    """A value is wrong, or a job flow does not allow what is asked of it."""
    return Refusal("ValidationException", message)


def bad_request(message: str) -> Refusal:
    """What the newer operations (Describe*, List*, CancelSteps, AddTags) say instead."""
    return Refusal("InvalidRequestException", message, ErrorCode="ValidationException")


def unknown_cluster(cluster_id: str) -> Refusal:
    """No such cluster, as the newer operations say it."""
    return bad_request(f"Cluster id '{cluster_id}' is not valid.")


def unknown_step(step_id: str) -> Refusal:
    """No such step on that cluster."""
    return bad_request(f"Step id '{step_id}' is not valid.")


def unknown_job_flow() -> Refusal:
    """No such cluster, as the older operations (AddJobFlowSteps, TerminateJobFlows) say it."""
    return invalid("Specified job flow ID does not exist.")


def closed_job_flow() -> Refusal:
    """The cluster is ending or has ended."""
    return invalid("A job flow that is shutting down, terminated, or finished may not be modified.")


def throttled() -> Refusal:
    """Too many calls."""
    return Refusal("ThrottlingException", "Rate exceeded")


def expired() -> Refusal:
    """Credentials that were good once."""
    return Refusal("ExpiredTokenException", "The security token included in the request is expired")


def denied(operation: str) -> Refusal:
    """The caller may not."""
    return Refusal(
        "AccessDeniedException",
        f"User: arn:aws:iam::123456789012:user/double is not authorized to perform: elasticmapreduce:{operation} on "
        "resource: * because no identity-based policy allows the action",
    )


def internal(operation: str) -> Refusal:
    """An error within EMR. The older operations have another name for it."""
    older = operation in (
        "RunJobFlow",
        "AddJobFlowSteps",
        "TerminateJobFlows",
        "CancelSteps",
        "SetTerminationProtection",
    )
    return Refusal("InternalServerError" if older else "InternalServerException", "Internal server error", 500)


def unavailable() -> Refusal:
    """The service is away."""
    return Refusal("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503)


def unknown_operation(name: str) -> Refusal:
    """An operation that the API does not have."""
    return Refusal("UnknownOperationException", f"The operation {name!r} is not known.", 404)
