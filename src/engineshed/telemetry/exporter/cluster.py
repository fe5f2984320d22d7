"""The API server behind `callers.Accounts`: TokenReview, and the team label of a namespace."""

from __future__ import annotations

from kubernetes import client, config
from kubernetes.client.rest import ApiException

from engineshed.telemetry.exporter.callers import AUDIENCE, TEAM_LABEL, Accounts

_WITHIN_S = 5


def accounts() -> Accounts:
    """Callers told apart by the cluster that this pod runs in."""
    config.load_incluster_config()
    api = client.ApiClient()
    reviews, core = client.AuthenticationV1Api(api), client.CoreV1Api(api)

    def review(bearer: str) -> str | None:
        asked = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=bearer, audiences=[AUDIENCE]))
        try:
            status = reviews.create_token_review(asked, _request_timeout=_WITHIN_S).status
        except ApiException:
            return None
        return str(status.user.username) if status.authenticated else None

    def team(namespace: str) -> str | None:
        try:
            found = core.read_namespace(namespace, _request_timeout=_WITHIN_S)
        except ApiException:
            return None
        label = (found.metadata.labels or {}).get(TEAM_LABEL)
        return None if label is None else str(label)

    return Accounts(review, team)
