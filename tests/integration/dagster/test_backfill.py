"""One run over many partitions, on real Spark: the job sees every key, dimension and window; each has its commit."""

from __future__ import annotations

import dagster as dg

from .project import Project

KEYS = ["2026-01-01|banks", "2026-01-01|carmakers", "2026-01-02|banks", "2026-01-02|carmakers"]


def test_a_single_run_backfill_over_two_dimensions(project: Project) -> None:
    tags = {
        "dagster/asset_partition_range_start": "2026-01-01|banks",
        "dagster/asset_partition_range_end": "2026-01-02|carmakers",
        "engineshed/engine": "sail",
    }
    run = project.run("many", tags=tags)
    assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    (seen,) = project.marks
    assert sorted(seen["keys"]) == KEYS
    assert seen["dimensions"]["domain"] == ["banks", "carmakers"]
    assert seen["dimensions"]["day"] == ["2026-01-01", "2026-01-02"]
    assert seen["windows"]["day"] == ["2026-01-01T00:00:00+00:00", "2026-01-03T00:00:00+00:00"]
    assert "banks" in seen["sql"]
    assert "2026-01-03" in seen["sql"]

    made = {m.partition: m for m in project.materialisations("many")}
    assert sorted(made) == KEYS
    assert len(project.materialisations("many")) == len(KEYS)
    digests = set()
    for key in KEYS:
        (commit,) = project.commits("many", key)
        assert commit.table("numbers").rows == len(key)
        assert made[key].metadata["rows/numbers"].value == len(key)
        assert made[key].metadata["commit/digest"].value == commit.digest
        assert made[key].metadata["counts/partitions"].value == len(KEYS)
        digests.add(commit.digest)
    assert len(digests) == len(KEYS)


def test_one_partition_of_it_is_replaced_alone(project: Project) -> None:
    for _ in range(2):
        run = project.run("many", partition=KEYS[0], tags={"engineshed/engine": "sail"})
        assert run.status is dg.DagsterRunStatus.SUCCESS, project.said(run)
    assert [mark["keys"] for mark in project.marks] == [[KEYS[0]], [KEYS[0]]]
    assert len(project.commits("many", KEYS[0])) == 2
    assert project.commits("many", KEYS[1]) == ()
