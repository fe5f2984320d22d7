"""How the platform says no: HTTP status, `error_code` and `message`, as the SDK's error tables read them."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):
    """An answer that is an error. retry_after_s: for 429 and 503. details: what `error_details` hold."""

    def __init__(
        self,
        status: int,
        error_code: str,
        message: str,
        *,
        retry_after_s: int | None = None,
        details: tuple[dict[str, Any], ...] = (),
    ) -> None:
        super().__init__(f"{status} {error_code}: {message}")
        self.status, self.error_code, self.message = status, error_code, message
        self.retry_after_s, self.details = retry_after_s, details

    def body(self) -> dict[str, Any]:
        """As JSON on the wire."""
        body: dict[str, Any] = {"error_code": self.error_code, "message": self.message}
        if self.details:
            body["details"] = list(self.details)
        return body


def invalid(message: str) -> Refusal:
    """A field's value is wrong, or names something that is not there (Jobs and Clusters say so with 400)."""
    return Refusal(400, "INVALID_PARAMETER_VALUE", message)


def absent(message: str) -> Refusal:
    """A path or resource is not there."""
    return Refusal(404, "RESOURCE_DOES_NOT_EXIST", message)


def taken(message: str) -> Refusal:
    """A path or name is there already. Workspace and DBFS say so with 400."""
    return Refusal(400, "RESOURCE_ALREADY_EXISTS", message)


def denied(message: str) -> Refusal:
    """The caller may not."""
    return Refusal(403, "PERMISSION_DENIED", message)


def throttled(retry_after_s: int = 1) -> Refusal:
    """Too many calls."""
    return Refusal(
        429,
        "REQUEST_LIMIT_EXCEEDED",
        "Your request was rejected since your organization has exceeded the rate limit. Please retry later.",
        retry_after_s=retry_after_s,
    )


def unavailable(retry_after_s: int | None = None) -> Refusal:
    """The control plane is away."""
    return Refusal(
        503,
        "TEMPORARILY_UNAVAILABLE",
        "The service at /api/2.2/jobs is temporarily unavailable. Please try again later.",
        retry_after_s=retry_after_s,
    )
