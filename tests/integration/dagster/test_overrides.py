"""Who may say for one run where it runs and in which mode, and what is said of names that are unknown."""

from __future__ import annotations

import dagster as dg
import pytest

from engineshed.model.job import Mode

from .project import Project

GOOD, FAILED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@pytest.mark.needs_java
@pytest.mark.parametrize("said", [{"config": {"engine": "local"}}, {"tags": {"engineshed/engine": "local"}}])
def test_a_run_picks_its_engine(project: Project, said: dict[str, dict[str, str]]) -> None:
    run = project.run("numbers", partition="a", **said)
    assert run.status is GOOD, project.said(run)
    (materialisation,) = project.materialisations("numbers")
    assert materialisation.metadata["engineshed/engine"].value == "local"
    assert [mark["engine"] for mark in project.marks] == ["classic"]
    assert "run override sets pinned=local" in materialisation.metadata["engineshed/plan"].value


def test_run_config_is_heard_before_a_tag(project: Project) -> None:
    tags = {"engineshed/engine": "nowhere", "engineshed/mode": "full"}
    run = project.run("free", config={"engine": "sail", "mode": "sample"}, tags=tags)
    assert run.status is GOOD, project.said(run)
    assert len(project.commits("free")) == 1
    assert not project.commits("free", mode=Mode.FULL)


@pytest.mark.parametrize("said", [{"config": {"engine": "warp"}}, {"tags": {"engineshed/engine": "warp"}}])
def test_an_unknown_engine_is_refused_with_those_there_are(project: Project, said: dict[str, dict[str, str]]) -> None:
    run = project.run("free", **said)
    assert run.status is FAILED
    text = project.said(run)
    assert "warp" in text
    assert "sail" in text
    assert "local" in text
    assert not project.marks


@pytest.mark.parametrize("said", [{"config": {"mode": "half"}}, {"tags": {"engineshed/mode": "half"}}])
def test_an_unknown_mode_is_refused_with_those_there_are(project: Project, said: dict[str, dict[str, str]]) -> None:
    run = project.run("free", **said)
    assert run.status is FAILED
    assert "mode 'half' is unknown: use sample or full" in project.said(run)
    assert not project.marks


def test_a_sample_never_touches_a_full_partition(project: Project) -> None:
    full = project.run("numbers", partition="a", config={"mode": "full"})
    assert full.status is GOOD, project.said(full)
    (before,) = project.commits("numbers", "a", Mode.FULL)
    below_full = _files(project, "full")
    sample = project.run("numbers", partition="a", tags={"engineshed/mode": "sample"})
    assert sample.status is GOOD, project.said(sample)
    assert _files(project, "full") == below_full
    assert project.datasets.latest("numbers", "a", Mode.FULL) == before
    (commit,) = project.commits("numbers", "a", Mode.SAMPLE)
    assert (before.table("numbers").rows, commit.table("numbers").rows) == (7, 3)
    assert {m.metadata["engineshed/mode"].value for m in project.materialisations("numbers")} == {"full", "sample"}


def _files(project: Project, mode: str) -> dict[str, tuple[int, int]]:
    root = project.folder / "home" / "data" / mode
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(root.rglob("*")) if p.is_file()}
