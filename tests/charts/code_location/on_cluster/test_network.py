"""Who reaches whom, tried by real connections between real pods.

Each pod plays a part by its labels; it listens on the part's ports and on one that nobody may use. The whole table is
asked again until it is as it should be, since policies take hold a moment after a pod has its address.
"""

from __future__ import annotations

import json
import time

import pytest

pytestmark = pytest.mark.needs_cluster

PATIENCE_S = 90
FORBIDDEN_PORT = 5005
LISTEN = """
import json, socket, sys, threading
def serve(port):
    listening = socket.create_server(("", port))
    while True:
        listening.accept()[0].close()
for port in json.loads(sys.argv[1]):
    threading.Thread(target=serve, args=(port,)).start()
"""
ASK = """
import concurrent.futures, json, socket, sys
def reach(target):
    try:
        socket.create_connection((target[0], target[1]), timeout=2).close()
        return True
    except OSError:
        return False
targets = json.loads(sys.argv[1])
with concurrent.futures.ThreadPoolExecutor(len(targets)) as pool:
    print(json.dumps(list(pool.map(reach, targets))))
"""
OF_RELEASE = {"app.kubernetes.io/name": "code-location", "app.kubernetes.io/instance": "alpha"}
PARTS = {
    "services": ("platform", {}, [5432, 9000]),
    "server": ("alpha", {**OF_RELEASE, "app.kubernetes.io/component": "code-server"}, [4000]),
    "run": ("alpha", {"engineshed.dev/role": "run"}, []),
    "driver": ("alpha", {"engineshed.dev/role": "spark-driver"}, [7078, 7079, 4040]),
    "executor": ("alpha", {"spark-role": "executor"}, [7079]),
    "other-run": ("beta", {"engineshed.dev/role": "run"}, [4000]),
    "other-driver": ("beta", {"engineshed.dev/role": "spark-driver"}, [7078]),
}
ALLOWED = {
    ("services", "server", 4000),
    ("server", "services", 5432),
    ("server", "services", 9000),
    ("server", "api", 0),
    ("run", "services", 5432),
    ("run", "services", 9000),
    ("run", "api", 0),
    ("driver", "services", 9000),
    ("driver", "executor", 7079),
    ("driver", "api", 0),
    ("executor", "services", 9000),
    ("executor", "driver", 7078),
    ("executor", "driver", 7079),
    ("executor", "driver", 4040),
    ("other-run", "services", 5432),
    ("other-run", "services", 9000),
    ("other-run", "api", 0),
    ("other-driver", "services", 9000),
    ("other-driver", "api", 0),
}


def _pod(name, labels, ports, image):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "args": ["python", "-c", LISTEN, json.dumps([*ports, FORBIDDEN_PORT])],
                    "resources": {
                        "requests": {"cpu": "5m", "memory": "16Mi"},
                        "limits": {"memory": "128Mi"},
                    },
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def addresses(kubernetes, teams, image):
    """Part -> address of its running pod; `api` is the API server's own address."""
    for name, (space, labels, ports) in PARTS.items():
        kubernetes.apply(getattr(teams, space), [_pod(name, labels, ports, image)])
    found = {}
    for name, (space, _, _) in PARTS.items():
        namespace = f"--namespace={getattr(teams, space)}"
        kubernetes.kubectl("wait", "--for=condition=Ready", f"pod/{name}", namespace, "--timeout=90s")
        found[name] = kubernetes.read("get", "pod", name, namespace)["status"]["podIP"]
    return found


def _targets(kubernetes, addresses):
    """(part, address, port) of everything there is to reach."""
    listed = [
        (part, addresses[part], port) for part, (_, _, ports) in PARTS.items() for port in [*ports, FORBIDDEN_PORT]
    ]
    piece = kubernetes.read("get", "endpointslice", "kubernetes", "--namespace=default")
    return [*listed, ("api", piece["endpoints"][0]["addresses"][0], piece["ports"][0]["port"])]


def _reached(kubernetes, teams, source, targets):
    asked = [target for target in targets if target[0] != source]
    reached = _asked(kubernetes, teams, source, json.dumps([[address, port] for _, address, port in asked]))
    return {
        (source, part, 0 if part == "api" else port) for (part, _, port), yes in zip(asked, reached, strict=True) if yes
    }


def _asked(kubernetes, teams, source, targets):
    """Whether each target was reached. kubectl at times loses what a short process said, and says so: asked again."""
    namespace = f"--namespace={getattr(teams, PARTS[source][0])}"
    for _ in range(5):
        answer = kubernetes.kubectl("exec", source, namespace, "--", "python", "-c", ASK, targets)
        said = [line for line in answer.splitlines() if line.startswith("[")]
        if said:
            return json.loads(said[-1])
    pytest.fail(f"{source} never answered: {answer}")


@pytest.mark.parametrize("source", PARTS)
def test_a_part_reaches_what_it_needs_and_nothing_else(kubernetes, teams, addresses, source):
    targets = _targets(kubernetes, addresses)
    wanted = {edge for edge in ALLOWED if edge[0] == source}
    if source == "services":
        # The platform's namespace has no policies of ours here: what it reaches of the teams is what counts.
        targets = [target for target in targets if target[0] not in ("api", "services")]
    deadline = time.monotonic() + PATIENCE_S
    while (found := _reached(kubernetes, teams, source, targets)) != wanted and time.monotonic() < deadline:
        time.sleep(2)
    assert found - wanted == set(), "reached what it must not"
    assert wanted - found == set(), "did not reach what it needs"


@pytest.mark.parametrize("source", ["run", "executor"])
def test_names_are_resolved(kubernetes, teams, addresses, source):
    assert addresses[source]
    said = kubernetes.kubectl(
        "exec",
        source,
        f"--namespace={teams.alpha}",
        "--",
        "python",
        "-c",
        "import socket; print(socket.gethostbyname('kubernetes.default.svc'))",
    )
    assert said.strip().count(".") == 3
