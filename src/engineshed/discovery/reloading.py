"""Tells the webserver of this pod to read its workspace again, and makes sure that it did.

Through GraphQL on localhost: a request through the Service would reach one replica of several. A reload counts when the
webserver lists the very names and addresses of the file; anything else is repeated. Now and then the two are compared,
so that neither a lost call nor a restart of either process leaves the pages old.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engineshed.model.errors import AccessDenied, EngineshedError, PlatformBusy

_LOG = logging.getLogger(__name__)

Endpoints = frozenset[tuple[str, str, int]]

_VERSIONS = "locationOrLoadError { ... on RepositoryLocation { dagsterLibraryVersions { name version } } }"
_ENTRIES = f"... on Workspace {{ locationEntries {{ name displayMetadata {{ key value }} {_VERSIONS} }} }}"
_ERRORS = "... on PythonError { message } ... on UnauthorizedError { message }"
_RELOAD = f"mutation {{ answer: reloadWorkspace {{ __typename {_ENTRIES} {_ERRORS} }} }}"
_LISTED = f"query {{ answer: workspaceOrError {{ __typename {_ENTRIES} ... on PythonError {{ message }} }} }}"

#: A reload asks each code server in turn; one that hangs costs Dagster a minute.
_RELOAD_TIMEOUT_S = 300.0
_ASK_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Listed:
    """What a webserver lists, and of each location the libraries that its code server says it runs, by name."""

    endpoints: Endpoints
    versions: Mapping[str, Mapping[str, str]]


class Webserver:
    """The GraphQL endpoint of one webserver."""

    def __init__(self, url: str) -> None:
        self._url = url

    def reload(self) -> Listed:
        """Reload; what is listed then. Raises AccessDenied (a read-only webserver) and PlatformBusy."""
        return self._ask(_RELOAD, _RELOAD_TIMEOUT_S)

    def listed(self) -> Listed:
        """What is listed now. Raises as `reload`."""
        return self._ask(_LISTED, _ASK_TIMEOUT_S)

    def _ask(self, query: str, timeout_s: float) -> Listed:
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:
                plain = json.load(response)
        except (OSError, ValueError) as error:
            raise PlatformBusy(f"the webserver at {self._url} does not answer: {error}.") from None
        data = plain.get("data") if isinstance(plain, Mapping) else None
        answer = data.get("answer") if isinstance(data, Mapping) else None
        return _listed(answer if isinstance(answer, Mapping) else {}, str(plain)[:300])


def _listed(answer: Mapping[str, Any], said: str) -> Listed:
    kind = answer.get("__typename")
    if kind == "UnauthorizedError":
        raise AccessDenied("the webserver is read-only and refuses to reload: give the sidecar no --reload-url there.")
    if kind != "Workspace":
        raise PlatformBusy(f"the webserver did not load its workspace: {answer.get('message') or said}.")
    try:
        entries = answer["locationEntries"]
        return Listed(frozenset(map(_endpoint, entries)), {str(each["name"]): _versions(each) for each in entries})
    except (KeyError, TypeError) as error:
        raise PlatformBusy(f"the webserver answers in another form ({error!r}): {said}.") from None


def _endpoint(entry: Mapping[str, Any]) -> tuple[str, str, int]:
    shown = {each["key"]: each["value"] for each in entry["displayMetadata"]}
    port = str(shown.get("port", ""))
    return str(entry["name"]), str(shown.get("host", "")), int(port) if port.isdigit() else 0


def _versions(entry: Mapping[str, Any]) -> dict[str, str]:
    """Empty while a location is not loaded or could not be."""
    loaded = entry.get("locationOrLoadError") or {}
    return {str(each["name"]): str(each["version"]) for each in loaded.get("dagsterLibraryVersions") or ()}


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between attempts and between comparisons."""

    retry_s: float = 1.0
    retry_at_most_s: float = 3.0
    compare_s: float = 30.0


INTERVALS = Intervals()

#: Told of each reload: `ok`, `differs`, `refused` or `failed`, and the seconds since the reload was wanted.
OnReload = Callable[[str, float], None]

#: Told of the versions of every location, each time that the webserver was asked.
OnVersions = Callable[[Mapping[str, Mapping[str, str]]], None]


class Reloader:
    """Keeps the webserver at what the file says, in a thread of its own, so that a slow reload delays no write."""

    def __init__(
        self,
        webserver: Webserver,
        on_reload: OnReload,
        intervals: Intervals = INTERVALS,
        *,
        on_versions: OnVersions = lambda _: None,
    ) -> None:
        self._webserver, self._on_reload, self._intervals = webserver, on_reload, intervals
        self._on_versions = on_versions
        self._changed = threading.Condition()
        self._wanted: Endpoints | None = None
        self._since_s = 0.0
        self._dirty = False
        self._look = False
        threading.Thread(target=self._run, name="reload the webserver", daemon=True).start()

    def want(self, endpoints: Endpoints, written: bool) -> None:
        """The file lists these now; `written` when it was just changed. The first word is compared, not reloaded."""
        with self._changed:
            self._look = self._wanted is None
            self._wanted = endpoints
            if written and not self._dirty:
                self._dirty, self._since_s = True, time.monotonic()
            if self._dirty or self._look:
                self._changed.notify_all()

    def _run(self) -> None:
        pause_s = self._intervals.retry_s
        while True:
            with self._changed:
                timeout_s = None if self._wanted is None else self._intervals.compare_s
                self._changed.wait_for(lambda: self._dirty or self._look, timeout_s)
                wanted, dirty = self._wanted, self._dirty
                self._dirty = self._look = False
            if wanted is None or self._settled(wanted, dirty):
                pause_s = self._intervals.retry_s
                continue
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, self._intervals.retry_at_most_s)

    def _settled(self, wanted: Endpoints, dirty: bool) -> bool:
        """Whether the webserver lists what is wanted; it is reloaded when it does not or when the file was changed."""
        if not dirty:
            try:
                if self._lists(self._webserver.listed(), wanted):
                    return True
            except EngineshedError as error:
                _LOG.info("%s", error)
                self._again(look=True)
                return False
            self._since_s = time.monotonic()
        result = self._reload(wanted)
        self._on_reload(result, time.monotonic() - self._since_s)
        if result != "ok":
            self._again(look=False)
        return result == "ok"

    def _reload(self, wanted: Endpoints) -> str:
        try:
            return "ok" if self._lists(self._webserver.reload(), wanted) else "differs"
        except AccessDenied as error:
            _LOG.error("%s", error)
            return "refused"
        except EngineshedError as error:
            _LOG.warning("%s", error)
            return "failed"

    def _lists(self, listed: Listed, wanted: Endpoints) -> bool:
        self._on_versions(listed.versions)
        return listed.endpoints == wanted

    def _again(self, look: bool) -> None:
        with self._changed:
            self._look, self._dirty = self._look or look, self._dirty or not look
