"""templates/tests: the check runs against a server that answers as Dagster does."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

HEALTHY = {"daemonType": "SENSOR", "required": True, "healthy": True}
LOADED = {"name": "web_graph", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "RepositoryLocation"}}


@pytest.fixture
def dagster():
    """Answers every question with `answer`; gives (address, answer)."""
    answer = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.dumps({"data": answer}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/graphql", answer
    server.shutdown()
    server.server_close()


@pytest.fixture
def check(kind, tmp_path):
    """check(address) -> what the pod's script does there, given no time to wait."""
    script = tmp_path / "check_platform.py"
    script.write_text(kind.one("ConfigMap", "engineshed-test")["data"]["check_platform.py"])
    return lambda url: subprocess.run([sys.executable, script, url, "0"], capture_output=True, text=True, check=False)


def say(answer, statuses, entries):
    answer.update(
        version="1.13.27",
        instance={"daemonHealth": {"allDaemonStatuses": statuses}},
        workspaceOrError={"locationEntries": entries},
    )


@pytest.mark.parametrize(("entries", "told"), [([], "none yet"), ([LOADED], "web_graph")])
def test_an_empty_platform_is_as_healthy_as_a_full_one(dagster, check, entries, told):
    url, answer = dagster
    say(answer, [HEALTHY, {"daemonType": "X", "required": False, "healthy": False}], entries)
    done = check(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert told in done.stdout


def test_what_is_wrong_is_named(dagster, check):
    url, answer = dagster
    broken = {"name": "web_graph", "loadStatus": "LOADED", "locationOrLoadError": {"__typename": "PythonError"}}
    say(answer, [{**HEALTHY, "healthy": None}], [broken])
    done = check(url)
    assert done.returncode == 1
    assert "daemon SENSOR is not healthy" in done.stderr
    assert "code location web_graph is not loaded" in done.stderr


def test_silence_is_a_failure(check):
    done = check("http://127.0.0.1:9/graphql")
    assert done.returncode == 1
    assert "does not answer" in done.stderr


def test_the_pod_asks_the_service_of_the_release(platform):
    release = platform({"webserver": {"pathPrefix": "/dagster", "service": {"port": 8080}}})
    assert release.container("Pod/engineshed-test", "check")["args"][0] == (
        "http://engineshed-webserver:8080/dagster/graphql"
    )
