"""Every wrong value is refused by file, key and what is allowed: by `check_files` and when Dagster loads the file."""

from __future__ import annotations

import subprocess
import sys

import jsonschema
import pytest
from click.testing import CliRunner

from engineshed import SparkAssetComponent
from engineshed.cli import cli
from engineshed.running.asset_files import check_files

INFINITE = float("inf")
# key changed, value, key named, what is said of it
STRUCTURE = [
    ("backfill", "many", "backfill", "allowed: single_run, multi_run (got 'many')"),
    ("job.resources.executors", "many", "job.resources.executors", "give a whole number (got 'many')"),
    ("job.resources.executors", -1, "job.resources.executors", "give at least 0 (got -1)"),
    ("job.resources.driver_cores", 0, "job.resources.driver_cores", "give at least 1 (got 0)"),
    ("job.resources.disk_gib", "20 GB", "job.resources.disk_gib", "give a number (got '20 GB')"),
    ("job.timeout_s", 0, "job.timeout_s", "give more than 0 (got 0)"),
    ("job.expected_input_bytes", "1e9", "job.expected_input_bytes", "give a whole number (got '1e9')"),
    ("job.tabels", ["links"], "job.tabels", "unknown key, is it tables?; allowed here: arguments, conf"),
    ("job.sample", {"rows": 1}, "job.sample.rows", "allowed here: data, expected_input_bytes, resources, settings"),
    ("job.tables", ["_seal"], "job.tables.0", "give a table name: letters, digits and _, not starting with _"),
    ("job.conf", {"spark.x": [1]}, "job.conf.spark.x", "give text, a number, true or false (got [1])"),
    ("retry", {"max_retries": "3"}, "retry.max_retries", "give a whole number (got '3')"),
    ("objective.budget_usd", "lots", "objective.budget_usd", "give a number of US dollars (got 'lots')"),
    ("objective.prefer", "sail", "objective.prefer", "give a list (got 'sail')"),
    ("partitions", {"daily": {"start": "soon"}}, "partitions.daily.start", "give a date (2026-01-31) or a time"),
    (
        "partitions",
        {"day": {"dayly": {}}},
        "partitions.day.dayly",
        "allowed here: daily, hourly, monthly",
    ),
    ("partitions", {"crawl": {}}, "partitions.crawl", "give exactly one of: daily, hourly, monthly, values, weekly"),
    ("partitions", {"crawl": ["a"]}, "partitions.crawl", "give keys and values (got ['a'])"),
    ("partitions", {n: {"values": ["a"]} for n in "abc"}, "partitions", "give at most 2"),
    ("checks", [{"not_empty": {}}], "checks.0.not_empty", "allowed here: has_rows, no_dangling, unique"),
    ("checks", [{"has_rows": {}}], "checks.0.has_rows.table", "missing: this key must be given"),
    (
        "checks",
        [{"has_rows": {"table": "links", "blocking": "no"}}],
        "checks.0.has_rows.blocking",
        "give true or false",
    ),
    ("automation", "daily", "automation", "give eager, on_missing or a cron string such as 0 6 * * * (got 'daily')"),
    ("owners", ["bob"], "owners.0", "give an owner: team:name or an e-mail address (got 'bob')"),
    ("group", "a b", "group", "give a group name"),
    ("asset", None, "asset", "missing: this key must be given"),
    ("pool", "bad pool!!", "pool", "give a pool name: no spaces"),
    ("ownrs", [], "ownrs", "unknown key, is it owners?; allowed here: asset, automation"),
]
MEANING = [
    ("objective.pin", "spork", "objective.pin", "no such engine; installed: local, sail (got 'spork')"),
    ("objective.forbid", ["databrick"], "objective.forbid.0", "no such engine; installed: local, sail"),
    ("objective", {"pin": "sail", "forbid": ["sail"]}, "objective.pin", "pinned and forbidden at once"),
    ("job.engine_settings", {"spork": {}}, "job.engine_settings.spork", "no such engine; installed: local, sail"),
    ("job.engine_settings", {"sail": {"frob": 1}}, "job.engine_settings.sail", "frob does not exist: allowed are conf"),
    ("job.engine_settings", {"local": {"cores": "many"}}, "job.engine_settings.local", "allowed are conf, env"),
    (
        "job.resources.executor_memory_gib",
        INFINITE,
        "job.resources.executor_memory_gib",
        "give a finite number (got inf",
    ),
    ("job.timeout_s", float("nan"), "job.timeout_s", "give a finite number (got nan)"),
    ("automation", "61 * * * *", "automation", "61 is no minute of a cron string: from 0 to 59"),
    ("automation", "*/0 * * * *", "automation", "*/0 is no minute"),
    ("inputs", ["graph/pages", "graph/links"], "inputs.1", "not its own input (got 'graph/links')"),
    ("deps", ["graph/links"], "deps.0", "not its own input"),
    ("asset", "graph//links", "asset", "give an asset key"),
    ("job.script", "lnks.py", "job.script", "no such file in"),
    ("job.modules", ["nothing"], "job.modules.0", "no such file or folder in"),
    ("job.tables", ["links", "links"], "job", "names a table twice: links, links"),
    ("partitions", {"values": ["a", "a"]}, "partitions.values", "a value is given twice"),
    (
        "partitions",
        {"daily": {"start": "2026-01-02", "end": "2026-01-01"}},
        "partitions.daily.end",
        "give a time",
    ),
    (
        "partitions",
        {"daily": {"start": "2026-01-02", "timezone": "Mars"}},
        "partitions.daily.timezone",
        "IANA time zone",
    ),
    ("checks", [{"has_rows": {"table": "pages"}}], "checks.0.has_rows.table", "job.tables: links (got 'pages')"),
    (
        "checks",
        [{"no_dangling": {"table": "links", "column": "a", "of_table": "t", "of_column": "b", "of_asset": "x"}}],
        "checks.0.no_dangling.of_asset",
        "not an input of the asset; inputs: graph/pages (got 'x')",
    ),
]


@pytest.mark.parametrize(("change", "value", "key", "said"), [*STRUCTURE, *MEANING])
def test_a_wrong_value_is_named_with_file_and_key_and_what_is_allowed(assets, change, value, key, said):
    file = assets.write(assets.attributes({change: value}))

    [finding] = check_files([assets.folder], engines=("local", "sail"))

    assert finding.startswith(f"{file}: attributes.{key}: ")
    assert said in finding


@pytest.mark.parametrize(("change", "value", "key", "said"), [*STRUCTURE, *MEANING])
def test_dagster_refuses_it_in_our_words(assets, change, value, key, said):
    file = assets.write(assets.attributes({change: value}))

    assert check_files([file]) == [assets.refusal(file)]


@pytest.mark.parametrize(("change", "value", "key", "said"), STRUCTURE)
def test_the_schema_for_dg_and_editors_is_as_strict_and_points_at_the_same_place(assets, change, value, key, said):
    attributes = assets.attributes({change: value})
    if value is None:
        del attributes[change]

    [error] = jsonschema.Draft202012Validator(SparkAssetComponent.model().model_json_schema()).iter_errors(attributes)

    place = "".join(f"{part}." for part in error.absolute_path)
    assert f"{key}.".startswith(place)
    assert place.count(".") >= key.replace("spark.x", "conf").count(".")


def test_the_line_is_the_one_of_the_key(assets):
    file = assets.write(
        "  asset: links\n  team: web-graph\n  job:\n    script: links.py\n    resources:\n      executors: many\n"
        "  backfil: x\n"
    )

    assert [f.rpartition(" ")[2] for f in check_files([file])] == ["8)", "9)"]
    assert "executors: give a whole number (got 'many') (line 8)" in assets.refusal(file)


def test_every_file_and_every_document_is_read(assets):
    wrong = assets.attributes({"backfill": "many"})
    first, second = assets.write(wrong, "first"), assets.write({**wrong, "asset": "links"}, "deeper/second")
    second.write_text(f"type: dagster.DefsFolderComponent\n---\n{second.read_text()}")
    assets.write(assets.attributes({"asset": "third"}), "third")
    hidden = assets.write(wrong, ".venv/lib")

    findings = check_files([assets.folder])

    assert {f.partition(":")[0] for f in findings} == {str(first), str(second)}
    assert check_files([hidden]) != []


def test_other_components_files_that_are_no_yaml_and_missing_paths(assets):
    file = assets.write(None)
    file.write_text("type: someone.elses.Component\nattributes: {backfill: many}\n")
    assert check_files([file]) == []

    file.write_text("type: [\n")
    [finding] = check_files([file])
    assert finding.startswith(f"{file}: no YAML: ")

    assert check_files([assets.folder / "nowhere"]) == [f"{assets.folder / 'nowhere'}: no such file or folder"]


def test_a_misspelt_section_is_named(assets):
    file = assets.write(assets.attributes({}))
    file.write_text(file.read_text() + "atributes: {}\n")

    [finding] = check_files([file])

    assert "atributes: unknown key, is it attributes?; allowed here: attributes, post_processing" in finding


def test_no_attributes_at_all_is_refused_in_our_words(assets):
    file = assets.write(None)

    assert f"{file}: attributes.asset: missing: this key must be given" in assets.refusal(file)


def test_installed_engines_are_the_ones_allowed_by_default(assets):
    [finding] = check_files([assets.write(assets.attributes({"objective.pin": "spork"}))])
    installed = finding.partition("installed: ")[2].partition(" (")[0].split(", ")

    assert check_files([assets.write(assets.attributes({"objective.pin": installed[0]}))]) == []


def test_checking_imports_neither_dagster_nor_the_project(assets):
    for n in range(3):
        assets.write(assets.attributes({"asset": f"links_{n}"}), f"asset_{n}")
    (assets.folder / "__init__.py").write_text("raise RuntimeError('the project was imported')\n")
    program = (
        "import sys\n"
        "from engineshed.running.asset_files import check_files\n"
        f"print(check_files([{str(assets.folder)!r}]), 'dagster' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["[]", "False"]


def test_a_key_given_twice_is_refused_and_not_dropped(assets):
    file = assets.write(
        "  asset: links\n  asset: pages\n  team: web-graph\n  job: {script: links.py, script: links.py}\n"
    )

    findings = check_files([file])

    assert findings == [
        f"{file}: attributes.asset: given twice, first in line 3: only one would count (line 4)",
        f"{file}: attributes.job.script: given twice, first in line 6: only one would count (line 6)",
    ]
    assert assets.refusal(file) == "\n".join(findings)


def test_an_asset_that_two_files_declare_is_named_with_both(assets):
    first, second = assets.write(assets.attributes({}), "first"), assets.write(assets.attributes({}), "second")

    [finding] = check_files([assets.folder])

    assert finding == f"{second}: attributes.asset: 'graph/links' is declared in {first} (line 3) too (line 3)"


@pytest.mark.parametrize(
    ("type_name", "said"),
    [
        (
            "engineshed.assets.SparkAssetComponen",
            "is no component, is it engineshed.assets.SparkAssetComponent? (line 1)",
        ),
        ("engineshed.SparkAssetcomponent", "is no component, is it engineshed.assets.SparkAssetComponent? (line 1)"),
    ],
)
def test_a_misspelt_type_is_named(assets, type_name, said):
    file = assets.write(assets.attributes({}))
    file.write_text(file.read_text().replace("engineshed.assets.SparkAssetComponent", type_name))

    [finding] = check_files([file])

    assert finding == f"{file}: type: {type_name} {said}"


def test_what_was_judged_and_what_was_passed_over_is_said(assets):
    assets.write(assets.attributes({}), "good")
    for name, text in {"empty": "", "other": "type: someone.elses.Component\n", "untyped": "attributes: {}\n"}.items():
        assets.write(None, name).write_text(text)

    done = CliRunner().invoke(cli, ["check", str(assets.folder)])

    assert done.exit_code == 0
    assert "All good: 1 file(s) checked, 3 passed over." in done.output
    assert f"{assets.folder}/empty/defs.yaml: passed over, empty" in done.output
    assert f"{assets.folder}/other/defs.yaml: passed over, of type someone.elses.Component" in done.output
    assert f"{assets.folder}/untyped/defs.yaml: passed over, names no type" in done.output
    nothing = CliRunner().invoke(cli, ["check", str(assets.folder / "empty")])
    assert "Nothing to check: no defs.yaml of a SparkAssetComponent" in nothing.output
