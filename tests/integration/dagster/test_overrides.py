"""Who may say for one run where it runs and in which mode, and what is said of names that are unknown."""

from __future__ import annotations

import re

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


def test_a_runs_deadline_and_budget_are_for_all_that_is_still_to_come(project: Project) -> None:
    first = project.run("earlier", "later")
    assert first.status is GOOD, project.said(first)
    tags = {"engineshed/deadline": "3", "engineshed/budget_usd": "5"}
    second = project.run("earlier", "later", tags=tags)
    assert second.status is GOOD, project.said(second)
    earlier, later = (
        project.materialisations(name)[0].metadata["engineshed/plan"].value for name in ("earlier", "later")
    )
    assert "run override sets budget_usd=5" in earlier
    assert re.search(r"is chosen: with later on sail the run is expected to end in 0\.0\d h for \$\S+, by its", earlier)
    assert "by its deadline in 2.9" in earlier or "by its deadline in 3.00" in earlier
    assert "with earlier on" not in later


@pytest.mark.parametrize(
    ("tag", "value", "words"),
    [
        ("deadline", "soon", "is neither hours nor a moment: write 11.5, or 2026-11-27T18:00Z"),
        ("budget_usd", "-3", "the run's engineshed/budget_usd is '-3': give an amount of dollars, such as 12.50"),
        ("confidence", "2", "confidence is 2.0: give a probability from 0.5 to below 1"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_planned(project: Project, tag: str, value: str, words: str) -> None:
    run = project.run("free", tags={f"engineshed/{tag}": value})
    assert run.status is FAILED
    assert words in project.said(run)
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
