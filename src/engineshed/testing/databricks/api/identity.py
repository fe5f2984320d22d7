"""Who one is, and where tokens come from: host metadata, SCIM `Me`, OAuth client credentials."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Any

from engineshed.testing.databricks import shapes
from engineshed.testing.databricks.platform import USER, Platform
from engineshed.testing.databricks.routing import Answer, Call, Given, Route

WORKSPACE_ID = "1234567890123456"


class IdentityApi:
    """Handlers of identity."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("GET", r"/\.well-known/databricks-config", self.metadata, open=True)
        yield Route("GET", r"/oidc/\.well-known/oauth-authorization-server", self.endpoints, open=True)
        yield Route("POST", r"/oidc/v1/token", self.token, open=True)
        yield Route("GET", r"/api/2\.0/preview/scim/v2/Me", self.me)

    def metadata(self, call: Call, given: Given) -> Mapping[str, Any]:
        """What the SDK asks every host first."""
        return {"oidc_endpoint": f"{self._platform.url}/oidc", "workspace_id": WORKSPACE_ID, "cloud": "AWS"}

    def endpoints(self, call: Call, given: Given) -> Mapping[str, Any]:
        """Where tokens are given."""
        url = f"{self._platform.url}/oidc/v1"
        return {"authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token"}

    def token(self, call: Call, given: Given) -> Answer | Mapping[str, Any]:
        """A token for a service principal that is known."""
        form = urllib.parse.parse_qs(call.body.decode())
        scheme, _, code = call.headers.get("authorization", "").partition(" ")
        who, _, secret = base64.b64decode(code).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if form.get("grant_type") != ["client_credentials"] or self._platform.principals.get(who) != secret:
            return Answer({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
        token = self._platform.tokens.issue(self._platform.agenda.now)
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._platform.tokens.lasts_s}

    def me(self, call: Call, given: Given) -> Answer:
        """The one user."""
        said = {"id": "1001", "userName": USER, "displayName": "Double", "active": True}
        shapes.checked(shapes.iam.User, said)
        return Answer(said, headers={"X-Databricks-Org-Id": WORKSPACE_ID})
