"""House rules that no linter has: who reads the environment, who names an engine, what a file may be called and say."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import PurePosixPath

# Two roots of composition and the driver read settings; the processes floor and the contract of channels hand
# their environment on to what they start.
ENVIRONMENT_READERS = {
    "src/engineshed/assets/resource.py",
    "src/engineshed/cli/finding.py",
    "src/engineshed/processes/launching.py",
    "src/engineshed/processes/supervisor.py",
    "src/engineshed/testing/channel_contract.py",
    "src/engineshed/testing/databricks/executing/repl.py",
    "src/engineshed/testing/databricks/executing/surroundings.py",
    "src/engineshed/testing/emr/environment.py",
    "spark/driver/engineshed_driver.py",
    "spark/driver/engineshed_relay.py",
}

# Rooms that may say an engine's name, since they are that vendor's; all others get engines from the roster.
VENDOR_ROOMS = (
    "src/engineshed/engines/",
    "src/engineshed/prices/",
    "src/engineshed/channels/",
    "src/engineshed/storage/",
    "src/engineshed/testing/databricks/",
    "src/engineshed/testing/emr/",
)

FILLER = re.compile(r"(^|_)(utils?|helpers?|managers?|misc|common)($|_)")
LONGEST_MODULE_LINES = 400
# One file by design: it is staged beside a script on machines where nothing of ours is installed.
ONE_FILE_BY_DESIGN = ("spark/driver/engineshed_driver.py", "spark/driver/engineshed_relay.py")


def _reads_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return (
            isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in {"environ", "environb", "getenv"}
        )
    return (
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and any(alias.name in {"environ", "environb", "getenv"} for alias in node.names)
    )


def test_the_environment_is_read_in_few_places(repository):
    readers = {
        module.path
        for module in repository.under("src/", "spark/", "code_locations/")
        if "/tests/" not in module.path and any(_reads_environment(node) for node in module.nodes)
    }
    assert readers - ENVIRONMENT_READERS == set()


def _docstrings(nodes: tuple[ast.AST, ...]) -> set[int]:
    """Ids of the constants that are docstrings: prose may name an engine as an example."""
    return {
        id(statement.value)
        for node in nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body[:1]
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    }


def test_no_switch_on_an_engine_outside_the_rooms_of_engines(repository, root):
    """A fifth engine must need no edit elsewhere, so nothing else may know one by name."""
    engines = set(tomllib.loads((root / "pyproject.toml").read_text())["project"]["entry-points"]["engineshed.engines"])
    assert engines
    named = [
        f"{module.path}:{node.lineno}: {node.value!r}"
        for module in repository.under("src/engineshed/")
        if not module.path.startswith(VENDOR_ROOMS)
        for docstrings in [_docstrings(module.nodes)]
        for node in module.nodes
        if isinstance(node, ast.Constant) and node.value in engines and id(node) not in docstrings
    ]
    assert named == []


def test_no_room_is_named_by_filler(repository):
    parts = {
        path: [PurePosixPath(part).stem for part in PurePosixPath(path).parts]
        for path in repository.files
        if path.endswith((".py", ".sh", ".tpl"))
    }
    named = [path for path, names in parts.items() if any(FILLER.search(name) for name in names)]
    # Helm's own word for a library of templates; what lies in it is named by what it is.
    assert [path for path in named if not path.startswith(("charts/common/", "tests/charts/common/"))] == []


def test_no_module_is_too_long_to_read(repository):
    lines = {module.path: len(module.text.splitlines()) for module in repository.under("")}
    long = {path: count for path, count in lines.items() if count > LONGEST_MODULE_LINES}
    assert {path: count for path, count in long.items() if path not in ONE_FILE_BY_DESIGN} == {}


def test_no_mark_of_unfinished_work(repository):
    marks = re.compile("|".join(rf"\b{first}{rest}\b" for first, rest in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"))))
    assert _lines(repository, marks, but=("samples/",)) == []


def test_no_path_of_one_machine(repository):
    path = re.compile(r"(?<![\w.@{}$/:-])/(?:work|farm|root|Users|home/[a-z])\b")
    assert _lines(repository, path, but=("samples/",)) == []


def test_no_package_registry_is_named(repository):
    """Packages come from wherever the machine's own configuration says. Sample data may link to what it likes."""
    hosts = (
        "py[p]i.org",
        "python[h]osted.org",
        "registry.n[p]mjs.org",
        "repo1?.maven.a[p]ache.org",
        "repo1.m[a]ven.org",
    )
    named = re.compile("|".join(host.replace(".", r"\.") for host in hosts))
    assert (
        _lines(
            repository,
            named,
            but=("samples/", "code_locations/company_registry/src/", "code_locations/web_graph/src/web_graph/domains/"),
        )
        == []
    )


def _lines(repository, pattern: re.Pattern[str], but: tuple[str, ...]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:120]}"
        for path, text in repository.texts()
        if not path.startswith(but)
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]
