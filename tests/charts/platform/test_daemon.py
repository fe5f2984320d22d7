DAEMON = "Deployment/engineshed-daemon"


def test_there_are_never_two(kind):
    spec = kind.one("Deployment", "engineshed-daemon")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_it_reads_the_list_that_its_own_discovery_writes(kind):
    pod = kind.pod(DAEMON)["spec"]
    assert pod["initContainers"][0]["restartPolicy"] == "Always"
    assert not [arg for arg in pod["initContainers"][0]["args"] if arg.startswith("--reload-url")]
    mounts = {mount["name"]: mount for mount in kind.container(DAEMON, "daemon")["volumeMounts"]}
    assert mounts["workspace"] == {"name": "workspace", "mountPath": "/workspace", "readOnly": True}
    assert {"name": "workspace", "emptyDir": {"sizeLimit": "16Mi"}} in pod["volumes"]


def test_a_deaf_daemon_is_started_anew(kind, platform):
    assert kind.container(DAEMON, "daemon")["livenessProbe"]["exec"]["command"] == ["dagster-daemon", "liveness-check"]
    quiet = platform({"daemon": {"livenessProbe": {"enabled": False}}})
    assert "livenessProbe" not in quiet.container(DAEMON, "daemon")
