"""EMR over boto3, its errors in our words. Credentials that have run out are read anew, once, before they count."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from engineshed.engines.emr.names import NAME
from engineshed.engines.emr.settings import EmrSettings
from engineshed.model.errors import AccessDenied, EngineError, LaunchLost, PlatformBusy, SubmitRejected

_EXPIRED = frozenset({"ExpiredTokenException", "ExpiredToken", "RequestExpired"})
_DENIED = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException",
        "IncompleteSignature", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired",
        "InvalidClientTokenId",
    }
)  # fmt: skip
_BUSY = frozenset(
    {
        "ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException", "InternalServerError",
        "InternalServerException", "InternalFailure", "ServiceUnavailable", "RequestTimeout",
    }
)  # fmt: skip
"""Sources: Amazon EMR API Reference, "Common Errors"; AWS General Reference, "API retries"."""


_NOBODY = re.compile(r"(?i)(cluster|step) id .*is not valid|job flow id does not exist")
"""How EMR says that there is no such thing: by ValidationException and InvalidRequestException, which say much else."""


class Missing(EngineError):
    """EMR knows no such cluster or step."""


class EmrClient:
    """The calls that the engine makes. Safe to build without credentials: they are looked for at the first call."""

    def __init__(self, settings: EmrSettings, make: Callable[[], Any] | None = None) -> None:
        self._settings = settings
        self._make = make or self._from_chain
        self._client: Any = None

    def _from_chain(self) -> Any:
        timeout_s = self._settings.request_timeout_s
        config = Config(
            connect_timeout=min(10.0, timeout_s),
            read_timeout=timeout_s,
            # A RunJobFlow whose reply was lost must not be sent again unseen: the engine looks first.
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        session = boto3.session.Session(region_name=self._settings.region)
        return session.client("emr", endpoint_url=self._settings.endpoint_url, config=config)

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """One call. Raises PlatformBusy, AccessDenied, Missing, SubmitRejected."""
        try:
            return self._once(name, arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _EXPIRED:
                _raise(error, name)
        self._client = None
        try:
            return self._once(name, arguments)
        except ClientError as error:
            _raise(error, name)

    def pages(self, name: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, over any number of pages."""
        marker: dict[str, str] = {}
        while True:
            page = self.call(name, **arguments, **marker)
            yield from page.get(key) or ()
            if not page.get("Marker"):
                return
            marker = {"Marker": page["Marker"]}

    def _once(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            if self._client is None:
                self._client = self._make()
            answer: dict[str, Any] = getattr(self._client, name)(**arguments)
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise AccessDenied(f"engine {NAME}: no AWS credentials are found ({error}): set them up.") from error
        except ClientError:
            raise
        except BotoCoreError as error:
            raise PlatformBusy(f"EMR did not answer {name}: {error}") from error
        return answer


def _raise(error: ClientError, name: str) -> NoReturn:
    told = error.response["Error"]
    code, message = str(told.get("Code")), str(told.get("Message"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    fact = f"EMR answered {name} with {code}: {message}"
    if code in _EXPIRED:
        raise AccessDenied(f"{fact}: the credentials have run out and the chain has no newer ones.") from error
    if code in _DENIED or status == 403:
        raise AccessDenied(f"{fact}: this account lacks the right.") from error
    if code in _BUSY or status == 429 or status >= 500:
        raise PlatformBusy(fact) from error
    if _NOBODY.search(message):
        raise Missing(fact) from error
    raise SubmitRejected(fact) from error


def lost(token: str, native_id: str) -> LaunchLost:
    """For a run that EMR forgot."""
    return LaunchLost(
        f"engine {NAME}: EMR knows no {native_id} of {token}: it is older than two months, or of another account or "
        "region."
    )


def neighbours(settings: EmrSettings, access: Mapping[str, str]) -> Callable[[str], Any]:
    """Clients of the services beside EMR, each made once: S3 where the exchange is, EC2 and IAM beside EMR."""
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            endpoint = access.get("endpoint_url") if service == "s3" else settings.endpoint_url
            config = Config(s3={"addressing_style": "path"}) if endpoint and service == "s3" else None
            session = boto3.session.Session(region_name=settings.region)
            make: Any = session.client
            made[service] = make(service, endpoint_url=endpoint, config=config)
        return made[service]

    return client
