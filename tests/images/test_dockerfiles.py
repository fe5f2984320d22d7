"""What every image promises: one Python, no root, signals that reach the program, nothing unlocked, who made it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from .conftest import IMAGES, ROOT, Dockerfile, read_dockerfile

UID = "10001:10001"


def test_hadolint_finds_nothing():
    linter = Path(sys.executable).with_name("hadolint")
    files = [f"images/{image}/Dockerfile" for image in IMAGES]
    ended = subprocess.run([linter, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def test_one_base_for_all():
    """Driver, executors and run pods exchange pickled functions: the same minor version of Python everywhere."""
    bases = {stage[0][1].split(" AS ")[0] for image in IMAGES for stage in read_dockerfile(image).stages}
    assert bases == {"python:3.11-slim-bookworm"}


def test_tools_stay_in_the_builder(dockerfile: Dockerfile):
    builder, image = dockerfile.stages
    assert builder[0][1].endswith(" AS builder")
    commands = [arguments for name, arguments in image if name == "RUN"]
    assert [each for each in commands if re.search(r"\b(pip|mvn|maven|uv|curl|gcc)\b", each)] == []
    assert [each for name, each in image if name == "COPY" and each.endswith("requirements.lock")] == []


def test_every_package_is_installed_by_hash(dockerfile: Dockerfile):
    installs = [
        step
        for name, arguments in dockerfile.stages[0]
        if name == "RUN"
        for step in re.split(r"&&|;", arguments)
        if re.search(r"/pip\b.* (install|wheel)\b", step)
    ]
    assert installs
    by_hash = [step for step in installs if "--require-hashes" in step]
    others = [step for step in installs if step not in by_hash]
    assert all("--no-deps" in step for step in installs)
    assert by_hash
    # What is left is built right here: from this repository, or a wheel of a locked source.
    assert [step for step in others if not re.search(r"/build(/|\b)|/opt/engineshed/", step)] == []


def test_it_runs_as_a_user_that_a_restricted_namespace_accepts(dockerfile: Dockerfile):
    assert dockerfile.last("USER") == UID  # by number: the kubelet cannot tell that a name is not root
    users = [arguments for name, arguments in dockerfile.stages[-1] if name == "RUN" and "useradd" in arguments]
    assert len(users) == 1
    assert "--uid 10001" in users[0]
    after = [name for name, _ in dockerfile.stages[-1]]
    assert set(after[after.index("USER") :]) <= {"USER", "EXPOSE", "ENTRYPOINT", "CMD"}


def test_signals_reach_the_program(dockerfile: Dockerfile):
    """No shell between the kubelet and the program: it would keep SIGTERM to itself until the grace period is over."""
    for instruction in ("ENTRYPOINT", "CMD"):
        found = [arguments for name, arguments in dockerfile.stages[-1] if name == instruction]
        words = [word for arguments in found for word in json.loads(arguments)]
        assert not {"sh", "bash", "/bin/sh", "/bin/bash"} & set(words)
    assert any(name in {"ENTRYPOINT", "CMD"} for name, _ in dockerfile.stages[-1])


def test_it_says_what_it_is(dockerfile: Dockerfile):
    labels = dockerfile.last("LABEL")
    assert set(re.findall(r"org\.opencontainers\.image\.(\w+)=", labels)) == {
        "title",
        "description",
        "licenses",
        "version",
        "revision",
    }
    assert 'version="${VERSION}"' in labels
    assert 'revision="${REVISION}"' in labels


def test_a_change_of_code_leaves_the_dependencies_alone(dockerfile: Dockerfile):
    """Code is copied after the last step that installs from a lock, and into the image after the dependencies."""
    builder, image = dockerfile.stages
    locked = [number for number, (_, arguments) in enumerate(builder) if "--require-hashes" in arguments]
    code = [
        number
        for number, (name, arguments) in enumerate(builder)
        if name == "COPY" and re.search(r"(^|\s)(src|spark/driver|spark|code_locations/\S+|samples)\s", arguments)
    ]
    assert code
    assert max(locked) < min(code)
    copied = [arguments for name, arguments in image if name == "COPY"]
    assert copied[0] == "--from=builder /opt/venv /opt/venv"
