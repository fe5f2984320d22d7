"""Dagster's web pages, asked by the GraphQL that the pages themselves use."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
PATIENCE_S = 180.0

T = TypeVar("T")

_LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on InvalidSubsetError { message } ... on RunConfigValidationInvalid { errors { message } } } }"""
_TERMINATE = """mutation ($run: String!) { terminateRun(runId: $run) { __typename } }"""
_RUN = """query ($run: ID!) { runOrError(runId: $run) { ... on Run {
  runId status rootRunId parentRunId tags { key value } } } }"""
_RUNS = """query ($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
  runId status rootRunId parentRunId tags { key value } } } } }"""
_METADATA = """metadataEntries { label __typename ... on TextMetadataEntry { text }
  ... on MarkdownMetadataEntry { mdStr } ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue }
  ... on JsonMetadataEntry { jsonString } ... on PathMetadataEntry { path } ... on UrlMetadataEntry { url }
  ... on BoolMetadataEntry { boolValue } }"""
_LOG = (
    """query ($run: ID!, $after: String) { logsForRun(runId: $run, afterCursor: $after, limit: 1000) {
  ... on EventConnection { cursor hasMore events { __typename ... on MessageEvent {
    message timestamp stepKey eventType }
  ... on ExecutionStepFailureEvent { error { message } } ... on EngineEvent { """
    + _METADATA
    + " } } } } }"
)
_MATERIALISATIONS = (
    """query ($asset: AssetKeyInput!, $partitions: [String!]) { assetOrError(assetKey: $asset) { ... on Asset {
  assetMaterializations(partitions: $partitions) { runId partition timestamp """
    + _METADATA
    + " } } } }"
)
_CAPTURED = """query ($run: ID!) { logsForRun(runId: $run, limit: 1000) { ... on EventConnection { events {
  ... on LogsCapturedEvent { fileKey stepKeys } } } } }"""
_COMPUTE_LOG = """query ($key: [String!]!) { capturedLogs(logKey: $key) { stdout stderr } }"""


@dataclass(frozen=True, slots=True)
class Materialisation:
    """One event of an asset's history."""

    run_id: str
    partition: str | None
    metadata: Mapping[str, Any]


class Pages:
    """The pages at an address."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        """Where the pages are."""
        return self._url

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def locations(self) -> dict[str, str]:
        """Load status by code location."""
        found = self.ask("{ workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }")
        return {entry["name"]: entry["loadStatus"] for entry in found["workspaceOrError"].get("locationEntries", [])}

    def launch(
        self,
        *assets: str,
        partition: str | None = None,
        location: str = "web_graph",
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Launch as the page's button does; the run's id. config: for each asset's op."""
        given = dict(tags or {})
        if partition:
            crawl, domain = partition.split("|")
            given |= {
                "dagster/partition": partition,
                "dagster/partition/crawl": crawl,
                "dagster/partition/domain": domain,
            }
        answer = self.ask(
            _LAUNCH,
            params={
                "selector": {
                    "repositoryLocationName": location,
                    "repositoryName": "__repository__",
                    "jobName": "__ASSET_JOB",
                    "assetSelection": [{"path": name.split("/")} for name in assets],
                },
                "runConfigData": {"ops": {name: {"config": config} for name in assets}} if config else {},
                "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in given.items()]},
            },
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        run_id: str = answer["run"]["runId"]
        return run_id

    def terminate(self, run_id: str) -> None:
        """As the page's button does."""
        answer = self.ask(_TERMINATE, run=run_id)["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def run(self, run_id: str) -> dict[str, Any]:
        """The run as it is now."""
        found: dict[str, Any] = self.ask(_RUN, run=run_id)["runOrError"]
        return found

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        """Runs that fit the filter, newest first."""
        found: list[dict[str, Any]] = self.ask(_RUNS, filter=wanted)["runsOrError"]["results"]
        return found

    def ended(self, run_id: str) -> str:
        """The run's last status, once it has one."""
        return wait_for(lambda: (s := self.run(run_id)["status"]) in ENDED and s, f"the end of run {run_id}")

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """The run's whole log, as it is now."""
        events: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            page = self.ask(_LOG, run=run_id, after=after)["logsForRun"]
            events += page["events"]
            if not page["hasMore"]:
                return events
            after = page["cursor"]

    def messages(self, run_id: str) -> list[str]:
        """What the run's log says, and the errors behind it."""
        events = self.events(run_id)
        return [e["message"] for e in events] + [e["error"]["message"] for e in events if e.get("error")]

    def seconds_added(self, run_id: str, asset: str) -> float:
        """What the route took: from the step's start to the driver's, and from the driver's end to the step's."""
        at = {e["__typename"]: int(e["timestamp"]) / 1000 for e in self.events(run_id) if e["stepKey"] == asset}
        made = next(m for m in self.materialisations(asset) if m.run_id == run_id)
        step_s = at["ExecutionStepSuccessEvent"] - at["ExecutionStepStartEvent"]
        return step_s - float(made.metadata["engineshed/seconds"])

    def is_past(self, run_id: str, text: str) -> str:
        """Wait for a line of the run's log that holds the text."""

        def look() -> str | None:
            lines = self.messages(run_id)
            found = next((line for line in lines if text in line), None)
            assert found or self.run(run_id)["status"] not in ENDED, f"ended without {text!r}:\n" + "\n".join(lines)
            return found

        return wait_for(look, f"{text!r} in the log of run {run_id}")

    def materialisations(self, asset: str, partition: str | None = None) -> list[Materialisation]:
        """Of an asset, newest first."""
        found = self.ask(
            _MATERIALISATIONS, asset={"path": asset.split("/")}, partitions=[partition] if partition else None
        )["assetOrError"]["assetMaterializations"]
        return [Materialisation(m["runId"], m["partition"], _plain(m["metadataEntries"])) for m in found]

    def compute_log(self, run_id: str) -> str:
        """What the run's steps wrote to standard output, as the page shows it."""
        events = self.ask(_CAPTURED, run=run_id)["logsForRun"]["events"]
        keys = [event["fileKey"] for event in events if event.get("fileKey")]
        logs = [self.ask(_COMPUTE_LOG, key=[run_id, "compute_logs", key])["capturedLogs"] for key in keys]
        return "".join(log["stdout"] or "" for log in logs)


def wait_for(look: Callable[[], T | bool | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """The first thing found that is no nothing."""
    until = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < until, f"{what}: not within {patience_s:g} s"
        time.sleep(0.2)
    return found  # type: ignore[return-value]


def _plain(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        entry["label"]: next((v for k, v in entry.items() if k not in ("label", "__typename")), None)
        for entry in entries
    }
