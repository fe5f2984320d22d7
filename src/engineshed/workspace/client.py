"""REST calls to a workspace: plain JSON in and out, the SDK's credentials, our errors.

Raw paths instead of the SDK's typed methods, so that what is sent is what was rendered, and what is read is what the
vendor's pages show. It never waits and never repeats by itself, save once with fresh credentials: whoever calls holds a
lease, and knows how long to wait. It refuses to guess a workspace: host and credentials come from the SDK's own chain
(environment, profile, cloud identity).
"""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from engineshed.model.errors import AccessDenied, EngineError, ExtraMissing, PlatformBusy
from engineshed.model.failure import FailureClass

if TYPE_CHECKING:
    from databricks.sdk.core import ApiClient

JSON = Mapping[str, Any]

_RETRY_S = 1
"""The least that the SDK's own loop of repetitions can be bounded to; see `_NoWaiting`."""


class Missing(EngineError):
    """The workspace knows no such thing. Callers say what that means."""


class Taken(EngineError):
    """It is there already."""


class Unfit(EngineError):
    """The workspace refuses the call as wrong; repeating it cannot help."""

    failure_class = FailureClass.CONFIGURATION


class NoWorkspace(EngineError):
    """Nothing says where a workspace is, or how to log in to it."""

    failure_class = FailureClass.CONFIGURATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where, as whom. Empty fields leave it to the SDK's chain. No secret is ever part of it."""

    host: str = ""
    profile: str = ""
    timeout_s: float = 30.0


class Workspace:
    """One workspace. Opened by the first call; every call raises PlatformBusy, AccessDenied, NoWorkspace."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._lock = threading.Lock()
        self._client: ApiClient | None = None

    @property
    def host(self) -> str:
        """Its address, without a trailing slash. Asks nothing of the network when the settings say it."""
        return (self._login.host or str(self._open()._cfg.host or "")).rstrip("/")

    def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """An answer. Raises Missing, Unfit."""
        return cast(dict[str, Any], self._call("GET", path, query={k: v for k, v in query.items() if v is not None}))

    def post(self, path: str, body: JSON) -> dict[str, Any]:
        """An answer. Raises Missing, Taken, Unfit."""
        return cast(dict[str, Any], self._call("POST", path, body=dict(body)))

    def put(self, path: str, body: JSON) -> dict[str, Any]:
        """An answer. Raises Missing, Unfit."""
        return cast(dict[str, Any], self._call("PUT", path, body=dict(body)))

    def items(self, path: str, key: str, /, **query: Any) -> Iterator[dict[str, Any]]:
        """What the pages of a list hold below `key`, page by page as they are needed."""
        while True:
            page = self.get(path, **query)
            yield from page.get(key) or ()
            if not page.get("next_page_token"):
                return
            query["page_token"] = page["next_page_token"]

    def send(self, method: str, path: str, data: bytes | BinaryIO | None = None, **query: Any) -> None:
        """Bytes to a path (PUT, DELETE). Raises Missing, Taken, Unfit."""
        headers = {"Content-Type": "application/octet-stream"}
        self._call(method, path, query=query, data=data, headers=headers)

    def fetch(self, path: str, headers: Mapping[str, str]) -> bytes:
        """The bytes that lie at a path. Raises Missing, Unfit."""
        answer = self._call("GET", path, headers={"Accept": "application/octet-stream", **headers}, raw=True)
        with _translated(path):
            try:
                return cast(bytes, answer["contents"].read())
            finally:
                answer["contents"].close()

    def _call(self, method: str, path: str, **given: Any) -> Any:
        client = self._open()
        try:
            with _translated(path):
                return client.do(method, path, **given)
        except _CredentialsRefused:
            self._forget(client)
        # What is in the environment, the profile or the token cache may be newer than what was read at the start.
        try:
            with _translated(path):
                return self._open().do(method, path, **given)
        except _CredentialsRefused as error:
            raise AccessDenied(f"{error}: renew the credentials of this process.") from error

    def _open(self) -> ApiClient:
        with self._lock:
            if self._client is None:
                self._client = _open(self._login)
            return self._client

    def _forget(self, client: ApiClient) -> None:
        with self._lock:
            if self._client is client:
                self._client = None


def require_sdk(who: str) -> None:
    """Raises ExtraMissing where the SDK is not installed. Does not import it: that takes seconds."""
    try:
        found = importlib.util.find_spec("databricks.sdk")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise ExtraMissing(f"{who} needs the Databricks SDK: pip install engineshed[databricks].")


class _CredentialsRefused(EngineError):
    """They are expired, revoked or wrong; fresh ones may do."""


def _open(login: Login) -> ApiClient:
    require_sdk("a Databricks workspace")
    from databricks.sdk.core import ApiClient, Config

    try:
        config = Config(
            host=login.host or None,
            profile=login.profile or None,
            http_timeout_seconds=login.timeout_s,
            retry_timeout_seconds=_RETRY_S,
            product="engineshed",
            clock=_no_waiting()(),
        )
    except ValueError as error:
        raise NoWorkspace(
            f"no Databricks workspace to log in to: {error}. Set DATABRICKS_HOST and credentials, or a profile."
        ) from error
    if not config.host:
        raise NoWorkspace("no Databricks workspace: set DATABRICKS_HOST, or `host` or `profile` in the settings.")
    return ApiClient(config)


@cache
def _no_waiting() -> Any:
    """A clock on which the SDK's waits between its own repetitions are over at once, and its patience with them."""
    from databricks.sdk.clock import Clock

    class NoWaiting(Clock):
        def __init__(self) -> None:
            self._local = threading.local()

        def time(self) -> float:
            return time.time() + getattr(self._local, "skipped_s", 0.0)

        def sleep(self, seconds: float) -> None:
            self._local.skipped_s = getattr(self._local, "skipped_s", 0.0) + max(seconds, _RETRY_S)

    return NoWaiting


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """The SDK's errors in our words.

    Source: the status codes and error codes of databricks.sdk.errors.platform. What is neither of them, and connections
    that break, count as passing: a poll must outlive them.
    """
    try:
        yield
    except OSError as error:  # all of the SDK's and of requests' errors are
        raise _error_of(error, path) from error
    except ValueError as error:
        raise PlatformBusy(f"could not log in or read the answer of {path}: {error}.") from error


def _error_of(error: BaseException, path: str) -> EngineError:
    from databricks.sdk import errors

    if isinstance(error, TimeoutError) and error.__cause__ is not None:
        error = error.__cause__  # the SDK's loop gave up on what is below
    fact = f"{path}: {error}"
    if isinstance(error, errors.Unauthenticated) or _bad_token(error):
        return _CredentialsRefused(f"the workspace does not know us at {fact}")
    if isinstance(error, errors.PermissionDenied):
        return AccessDenied(f"{fact}: this identity lacks the right.")
    if isinstance(error, errors.NotFound) or _says_missing(error):
        return Missing(f"the workspace has no {fact}")
    if isinstance(error, errors.AlreadyExists | errors.ResourceAlreadyExists):
        return Taken(fact)
    if isinstance(error, errors.BadRequest | errors.NotImplemented):
        return Unfit(f"the workspace refuses {fact}")
    return PlatformBusy(f"the workspace did not do {fact}: repeat the call.")


def _says_missing(error: BaseException) -> bool:
    """Jobs, clusters and pools that are not there are wrong parameters to most calls, by status and code."""
    from databricks.sdk import errors

    return isinstance(error, errors.InvalidParameterValue) and "does not exist" in str(error)


def _bad_token(error: BaseException) -> bool:
    """Some workspaces answer 403 to a token that is revoked or over."""
    from databricks.sdk import errors

    text = str(error).lower()
    return isinstance(error, errors.PermissionDenied) and "token" in text and ("invalid" in text or "expired" in text)
