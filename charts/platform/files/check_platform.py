"""`helm test`: the web pages answer, every daemon's heart beats, every listed code location is loaded."""

import json
import sys
import time
import urllib.error
import urllib.request

QUESTION = """{
  version
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError { ... on Workspace { locationEntries { name loadStatus locationOrLoadError { __typename } } } }
}"""


def ask(url):
    """The answer's data."""
    body = json.dumps({"query": QUESTION}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=15) as answer:
        return json.load(answer)["data"]


def wrong(data):
    """What is not as it should be, in words."""
    for status in data["instance"]["daemonHealth"]["allDaemonStatuses"]:
        if status["required"] and not status["healthy"]:
            yield f"daemon {status['daemonType']} is not healthy"
    for entry in data["workspaceOrError"].get("locationEntries", []):
        if entry["locationOrLoadError"] is None or entry["locationOrLoadError"]["__typename"] == "PythonError":
            yield f"code location {entry['name']} is not loaded ({entry['loadStatus']})"


def main(url, wait_s):
    """0 as soon as nothing is wrong, 1 when something still is after `wait_s` seconds."""
    give_up_s = time.monotonic() + float(wait_s)
    while True:
        try:
            data = ask(url)
            found = list(wrong(data))
        except (urllib.error.URLError, OSError, KeyError, TypeError, ValueError) as error:
            data, found = {}, [f"{url} does not answer: {error}"]
        if not found:
            names = [entry["name"] for entry in data["workspaceOrError"].get("locationEntries", [])]
            print(f"Dagster {data['version']} is healthy; code locations: {', '.join(names) or 'none yet'}")
            return 0
        if time.monotonic() > give_up_s:
            print("\n".join(found), file=sys.stderr)
            return 1
        time.sleep(2)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
