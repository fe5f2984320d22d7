"""The command line of spark-submit, read and written anew. Pure.

Options as in Spark's own SparkSubmitOptionParser: those with a value, as `--name value` or `--name=value`, and
switches. The first argument that is no option is the application; all after it are its own, verbatim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_SWITCHES = frozenset({"--supervise", "--verbose", "-v", "--help", "-h", "--usage-error", "--version"})
_SETTING_OF = {
    "--archives": "spark.archives",
    "--deploy-mode": "spark.submit.deployMode",
    "--driver-memory": "spark.driver.memory",
    "--executor-memory": "spark.executor.memory",
    "--files": "spark.files",
    "--jars": "spark.jars",
    "--master": "spark.master",
    "--name": "spark.app.name",
    "--py-files": "spark.submit.pyFiles",
}
LISTS = ("spark.archives", "spark.files", "spark.jars", "spark.submit.pyFiles")
_ALSO_LISTS = {
    "spark.yarn.dist.archives": "spark.archives",
    "spark.yarn.dist.files": "spark.files",
    "spark.yarn.dist.jars": "spark.jars",
    "spark.yarn.dist.pyFiles": "spark.submit.pyFiles",
}


class CommandInvalid(Exception):
    """spark-submit would print its usage and end with 1."""


@dataclass(frozen=True, slots=True)
class Submission:
    """settings: by `--conf` and by the options that stand for one. options: the others, with their values.

    application: empty with `--version` and the like. arguments: of the application.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    options: tuple[tuple[str, str], ...] = ()
    switches: tuple[str, ...] = ()
    properties_file: str = ""
    application: str = ""
    arguments: tuple[str, ...] = ()


def read(argv: Sequence[str]) -> Submission:
    """Raises CommandInvalid."""
    settings: dict[str, str] = {}
    options: list[tuple[str, str]] = []
    switches: list[str] = []
    properties_file = ""
    rest = list(argv)
    while rest and rest[0].startswith("-"):
        name = rest.pop(0)
        if name in _SWITCHES:
            switches.append(name)
            continue
        name, value = _value(name, rest)
        if name in ("--conf", "-c"):
            key, equals, said = value.partition("=")
            if not equals:
                raise CommandInvalid(f"Spark config without '=': {value}")
            settings[key] = said
        elif name == "--properties-file":
            properties_file = value
        elif name in _SETTING_OF:
            settings[_SETTING_OF[name]] = value
        else:
            options.append((name, value))
    if not rest and not switches:
        raise CommandInvalid("Missing application resource.")
    return Submission(settings, tuple(options), tuple(switches), properties_file, *_application(rest))


def _value(name: str, rest: list[str]) -> tuple[str, str]:
    option, equals, value = name.partition("=")
    if equals and option.startswith("--"):
        return option, value
    if not rest:
        raise CommandInvalid(f"Missing argument for option '{name}'.")
    return name, rest.pop(0)


def _application(rest: list[str]) -> tuple[str, tuple[str, ...]]:
    return (rest[0], tuple(rest[1:])) if rest else ("", ())


def effective(submission: Submission, defaults: Mapping[str, str]) -> dict[str, str]:
    """All settings in force, those of the command line first; YARN's names of lists under Spark's."""
    merged = {**defaults, **submission.settings}
    for yarn, spark in _ALSO_LISTS.items():
        if merged.get(yarn):
            merged[spark] = ",".join(filter(None, (merged.get(spark), merged.pop(yarn))))
    return merged


def written(settings: Mapping[str, str], submission: Submission) -> list[str]:
    """The arguments for a spark-submit whose settings are all on its command line."""
    argv = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    argv += [part for name, value in submission.options for part in (name, value)]
    return [*argv, *submission.switches, *filter(None, [submission.application]), *submission.arguments]


def elements(listed: str) -> list[tuple[str, str]]:
    """Addresses of a comma-separated list, each with the name that it has where it arrives (`address#name`)."""
    found = []
    for item in filter(None, (part.strip() for part in listed.split(","))):
        address, _, alias = item.partition("#")
        found.append((address, alias or address.rstrip("/").rpartition("/")[2]))
    return found
