"""What import-linter cannot say: floors bound to the standard library, the driver side, and the walls between teams."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def test_model_and_ports_stand_on_the_standard_library(repository):
    allowed = sys.stdlib_module_names | {"engineshed"}
    strangers = [
        f"{place}: {name}"
        for module in repository.under("src/engineshed/model/", "src/engineshed/ports/")
        for place, name in module.roots()
        if name not in allowed
    ]
    assert strangers == []


def test_the_driver_side_never_imports_the_orchestration_side(repository, root):
    locations = {path.name for path in (root / "code_locations").iterdir() if path.is_dir()}
    forbidden = {"engineshed", "dagster"} | locations
    leaks = [
        f"{place}: {name}"
        for module in repository.under("spark/")
        for place, name in module.roots()
        if name in forbidden
    ]
    assert leaks == []


def test_the_driver_starts_on_the_standard_library_and_pipes(repository):
    """It must say `opened`, or why it failed, before and without Spark: the rest is imported where it is used."""
    (driver,) = repository.under("spark/driver/engineshed_driver.py")
    at_start = {name.partition(".")[0] for name in driver.imports_at_load}
    assert at_start - sys.stdlib_module_names == {"dagster_pipes"}


def test_the_driver_uses_what_spark_brings_and_nothing_else(repository):
    # Sail's server and pyarrow come with the session that needs them; boto3 is staged for an object store's messages.
    allowed = sys.stdlib_module_names | {"dagster_pipes", "pyspark", "pysail", "pyarrow", "boto3", "botocore"}
    (driver,) = repository.under("spark/driver/engineshed_driver.py")
    assert [f"{place}: {name}" for place, name in driver.roots() if name not in allowed] == []


def test_code_locations_never_import_each_other(repository, root):
    locations = {path.name for path in (root / "code_locations").iterdir() if path.is_dir()}
    assert len(locations) >= 2
    crossings = [
        f"{place}: {name}"
        for location in sorted(locations)
        for module in repository.under(f"code_locations/{location}/")
        for place, name in module.roots()
        if name in locations - {location}
    ]
    assert crossings == []


def test_the_library_declares_every_distribution_it_imports(repository, root):
    """An import that works only because another package brings it breaks the day that package stops."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    declared = {canonicalize_name(Requirement(text).name) for text in texts}
    providers = packages_distributions()
    # The contract suite is a pytest class: whoever runs it has pytest. The others are halves of what is declared
    # (urllib3's errors come out of the Kubernetes client unwrapped; moto's server is a werkzeug application).
    known = sys.stdlib_module_names | {"engineshed", "pytest", "botocore", "pydantic_core", "urllib3", "werkzeug"}
    undeclared = [
        f"{place}: {name}"
        for module in repository.under("src/engineshed/")
        for place, name in module.roots_at_run_time()
        if name not in known and not declared & {canonicalize_name(given) for given in providers.get(name, ())}
    ]
    assert undeclared == []


def test_the_lower_floors_load_without_the_heavy_libraries(repository):
    """A supervisor or a script that needs a value must not wait seconds for an orchestrator to load."""
    names = [
        module.path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for module in repository.under(
            "src/engineshed/__init__.py", "src/engineshed/model/", "src/engineshed/ports/", "src/engineshed/processes/"
        )
        if not module.path.endswith("__main__.py")
    ]
    heavy = ("dagster", "pyarrow", "sqlalchemy", "pandas", "pyspark")
    script = f"import importlib, sys\nfor name in {names!r}: importlib.import_module(name)\n"
    script += f"print(*sorted(set({heavy!r}) & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
