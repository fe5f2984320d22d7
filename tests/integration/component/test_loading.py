"""What is said in YAML arrives in the asset."""

from __future__ import annotations

from datetime import datetime

import dagster as dg
import pytest

from engineshed import Engineshed, SparkAssetComponent
from engineshed.assets.component_parts import partitions_of
from engineshed.model.resources import Resources
from engineshed.running.asset_files import check_files

moment = datetime.fromisoformat

EVERYTHING = """\
  asset: graph/links
  team: web-graph
  owners: [a@example.org]
  description: Links between hosts.
  kinds: [spark, parquet]
  group: graph/base
  pool: small_engines
  tags: {tier: 2, costly: true}
  inputs: [graph/pages]
  deps: [[registry, seeds]]
  job:
    name: find_links
    script: links.py
    modules: [shared]
    arguments: [--limit, 10, --fast, true]
    libraries: ["ada-url>=1.27"]
    settings: {kinds: [a, img], version: "3.10", since: 2026-01-01}
    data: ["crawls/*.gz", /far/one.gz]
    conf: {spark.sql.shuffle.partitions: 8, spark.sql.ansi.enabled: true}
    tables: [links, pages]
    resources: {executors: 4, executor_memory_gib: 8}
    expected_input_bytes: 1000000
    timeout_s: 3600
    sample:
      settings: {limit: 10}
      data: [small.gz]
      resources: {executors: 1}
  objective: {value_usd_per_hour: 12.10, budget_usd: 3}
  partitions:
    crawl: {values: [2026-04, 2026-09]}
    day: {daily: {start: 2026-01-01, end: 2026-02-01, timezone: Europe/Berlin}}
  backfill: single_run
  retry: {max_retries: 2, delay_s: 30}
  automation: 0 6 * * *
  checks:
    - has_rows: {table: links, at_least: 10}
    - unique: {table: links, columns: [src, dst], blocking: false}
    - no_dangling: {table: links, column: page, of_table: pages, of_column: id}
    - no_dangling: {table: pages, column: id, of_table: pages, of_column: id, of_asset: graph/pages}
"""


def test_every_key_reaches_the_asset(assets):
    file = assets.write(EVERYTHING)
    (file.parent / "shared").mkdir()
    (file.parent / "shared" / "rules.py").touch()

    with assets.built(file) as (_, definitions):
        resource = dg.Definitions(resources={"engineshed": Engineshed(location_file="location.yaml")})
        asset = dg.Definitions.merge(definitions, resource).resolve_assets_def(dg.AssetKey(["graph", "links"]))

    spec = asset.get_asset_spec()
    assert check_files([file]) == []
    assert {d.asset_key.to_user_string() for d in spec.deps} == {"graph/pages", "registry/seeds"}
    assert list(spec.owners) == ["team:web-graph", "a@example.org"]
    assert spec.kinds == {"spark", "parquet"}
    assert (spec.group_name, spec.description) == ("graph/base", "Links between hosts.")
    assert {"team": "web-graph", "tier": "2", "costly": "true"}.items() <= spec.tags.items()
    assert asset.op.pool == "small_engines"
    assert asset.op.retry_policy == dg.RetryPolicy(max_retries=2, delay=30)
    assert asset.backfill_policy == dg.BackfillPolicy.single_run()
    assert spec.automation_condition == dg.AutomationCondition.on_cron("0 6 * * *")
    assert asset.partitions_def == dg.MultiPartitionsDefinition(
        {
            "crawl": dg.StaticPartitionsDefinition(["2026-04", "2026-09"]),
            "day": dg.DailyPartitionsDefinition(moment("2026-01-01"), moment("2026-02-01"), timezone="Europe/Berlin"),
        }
    )
    assert {c.name: c.blocking for c in asset.check_specs} == {
        "links_has_rows": True,
        "links_unique_src_dst": False,
        "links_page_no_dangling": True,
        "pages_id_no_dangling": True,
    }


def test_every_key_reaches_the_job(assets):
    file = assets.write(EVERYTHING)
    (file.parent / "shared").mkdir()

    with assets.built(file) as (component, _):
        job = component.spark_job(file.parent)

    assert job.name == "find_links"
    assert job.script == str(file.parent / "links.py")
    assert job.modules == (str(file.parent / "shared"),)
    assert job.arguments == ("--limit", "10", "--fast", "true")
    assert job.settings == {"kinds": ["a", "img"], "version": "3.10", "since": "2026-01-01"}
    assert job.conf == {"spark.sql.shuffle.partitions": "8", "spark.sql.ansi.enabled": "true"}
    assert job.resources == Resources(executors=4, executor_memory_gib=8)
    assert job.data == (str(file.parent / "crawls/*.gz"), "/far/one.gz")
    assert job.sample is not None
    assert job.sample.data == (str(file.parent / "small.gz"),)
    assert job.sample.resources == Resources(executors=1, executor_memory_gib=8)
    assert (job.expected_input_bytes, job.timeout_s) == (1_000_000, 3600)


def test_templates_are_resolved_and_then_judged(assets, monkeypatch):
    changes = {"job.resources.executors": "{{ env.EXECUTORS }}", "job.settings": {"at": "{{ env.CRAWL }}/x"}}
    file = assets.write(assets.attributes(changes))
    assert check_files([file]) == []

    monkeypatch.setenv("CRAWL", "april")
    monkeypatch.setenv("EXECUTORS", "3")
    with assets.built(file) as (component, _):
        assert component.job.resources.executors == 3
        assert component.job.settings == {"at": "april/x"}

    monkeypatch.setenv("EXECUTORS", "many")
    assert f"{file}: attributes.job.resources.executors: give a whole number (got 'many')" in assets.refusal(file)


def test_a_template_does_not_hide_what_is_wrong_beside_it(assets):
    changes = {"job.script": "{{ env.SCRIPT }}.py", "job.modules": ["nothing"], "team": "{{ env.TEAM }}"}

    with_wrong_engine = assets.attributes({**changes, "objective.pin": "spork"})

    assert "objective.pin: no such engine" in " ".join(check_files([assets.write(with_wrong_engine)]))
    changes.pop("team")
    [finding] = check_files([assets.write(assets.attributes(changes))])
    assert "job.modules.0: no such file or folder" in finding


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        ({"values": [1, "b"]}, dg.StaticPartitionsDefinition(["1", "b"])),
        ({"hourly": {"start": "2026-01-01T06:00"}}, dg.HourlyPartitionsDefinition(moment("2026-01-01T06:00"))),
        ({"weekly": {"start": "2026-01-01"}}, dg.WeeklyPartitionsDefinition(moment("2026-01-01"))),
        ({"month": {"monthly": {"start": "2026-01-01"}}}, dg.MonthlyPartitionsDefinition(moment("2026-01-01"))),
    ],
)
def test_one_dimension_needs_no_name(partitions, expected):
    component = SparkAssetComponent.model_validate(
        {"asset": "a", "team": "t", "job": {"script": "a.py"}, "partitions": partitions}
    )

    assert partitions_of(component.partitions) == expected


def test_a_key_with_nothing_behind_it_counts_as_left_out(assets):
    file = assets.write("  asset: links\n  team: web-graph\n  inputs:\n  job:\n    script: links.py\n    settings:\n")

    assert check_files([file]) == []
    with assets.built(file) as (component, _):
        assert (component.inputs, component.job.settings) == ([], {})


@pytest.mark.parametrize(
    "change",
    [
        {"automation": "0 0 31 2 *"},
        {"tags": {"a b": "c"}},
        {"job.tables": ["links"], "checks": [{"has_rows": {"table": "links"}}] * 2},
    ],
)
def test_what_dagster_alone_can_refuse_names_file_and_asset(assets, change):
    file = assets.write(assets.attributes(change))

    assert assets.refusal(file).startswith(f"{file}: asset 'graph/links': ")


def test_declared_in_python_too():
    component = SparkAssetComponent.from_attributes_dict(
        attributes={"asset": ["graph", "links"], "team": "web-graph", "job": {"script": "links.py"}}
    )

    assert component.asset == "graph/links"
    assert component.spark_job().name == "links"
