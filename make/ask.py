"""Asks the web pages of a cluster to reload a code location, or to materialise the showcase, and waits for the answer.

What the buttons of Dagster's pages do, for Tilt and for scripts.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Sequence
from typing import Any

ASSETS = ("nodes_only", "edges", "graph", "graph_aggr")
RELOAD = """mutation ($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename
  ... on WorkspaceLocationEntry { locationOrLoadError { __typename ... on PythonError { message } } }
  ... on PythonError { message } ... on ReloadNotSupported { message }
  ... on RepositoryLocationNotFound { message } } }"""
LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }"""
KEYS = """query ($asset: AssetKeyInput!) { assetNodeOrError(assetKey: $asset) { __typename
  ... on AssetNode { partitionKeysByDimension { name partitionKeys } } } }"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"


def ask(url: str, query: str, **variables: Any) -> Any:
    """The data of the answer. Ends non-zero where nobody answers, or where the pages refuse."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
    except (OSError, ValueError) as error:
        fact = getattr(error, "reason", error)
        raise SystemExit(f"no web pages of Dagster at {url} ({fact}): `make pages` brings a cluster's here.") from None
    if "errors" in answer:
        raise SystemExit(f"the web pages refuse: {answer['errors']}")
    return answer["data"]


def reload(url: str, location: str) -> None:
    """Ends non-zero, with the error, when the code does not load."""
    answer = ask(url, RELOAD, name=location)["reloadRepositoryLocation"]
    found = answer.get("locationOrLoadError") or answer
    if "message" in found:
        raise SystemExit(f"{location}: {found['message']}")
    print(f"{location} is reloaded")


def run(url: str, location: str, assets: Sequence[str], tags: dict[str, str]) -> None:
    """Ends non-zero when the run does not succeed."""
    params = {
        "selector": {
            "repositoryLocationName": location,
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": asset.split("/")} for asset in assets],
        },
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
    launched = ask(url, LAUNCH, params=params)["launchRun"]
    if launched["__typename"] != "LaunchRunSuccess":
        raise SystemExit(f"{location}: {json.dumps(launched)}")
    run_id = launched["run"]["runId"]
    print(f"{', '.join(assets)}: {url}/runs/{run_id}", flush=True)
    while (status := ask(url, STATUS, run=run_id)["runOrError"]["status"]) not in {"SUCCESS", "FAILURE", "CANCELED"}:
        time.sleep(1)
    print(f"{', '.join(assets)}: {status}")
    if status != "SUCCESS":
        raise SystemExit(1)


def dimensions(url: str, partition: str) -> dict[str, str]:
    """`SAMPLE-2025-08|languages` -> each dimension's value. Ends non-zero for a partition that the showcase lacks."""
    node = ask(url, KEYS, asset={"path": [ASSETS[0]]})["assetNodeOrError"]
    if "partitionKeysByDimension" not in node:
        raise SystemExit(
            f"asset {ASSETS[0]} is not at {url}: install its release with `make location LOCATION=web_graph`."
        )
    known = {found["name"]: found["partitionKeys"] for found in node["partitionKeysByDimension"]}
    values = partition.split("|")
    if len(values) != len(known) or any(v not in keys for v, keys in zip(values, known.values(), strict=True)):
        there = "; ".join(f"{name} is one of {', '.join(keys)}" for name, keys in known.items())
        raise SystemExit(
            f"the showcase has no partition {partition!r}: give PARTITION='{'|'.join(known)}', where {there}."
        )
    return dict(zip(known, values, strict=True))


def main(words: list[str]) -> None:
    """`ask.py URL reload LOCATION` or `ask.py URL materialise PARTITION`."""
    url, verb, what = words
    if verb == "reload":
        return reload(url, what)
    parts = {f"dagster/partition/{name}": value for name, value in dimensions(url, what).items()}
    run(url, "company_registry", ["company_registry/seeds"], {})
    tags = {"dagster/partition": what, **parts}
    run(url, "web_graph", ASSETS, tags)


if __name__ == "__main__":
    main(sys.argv[1:])
