"""Whether an interpreter holds what a job and its engine require, and what to install where it does not."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement

from engineshed.model.errors import JobInvalid
from engineshed.processes.machine import Interpreter, canonical


def unmet(requirements: Iterable[str], interpreter: Interpreter) -> tuple[str, ...]:
    """A fact for each requirement that the interpreter does not meet. Raises JobInvalid for one that is none."""
    return tuple(fact for text in requirements if (fact := _fact(text, interpreter)))


def _fact(text: str, interpreter: Interpreter) -> str:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise JobInvalid(f"{text!r} is no requirement ({error}): write it as pip takes it, `name>=1.2`.") from error
    if requirement.marker and not requirement.marker.evaluate({"python_full_version": interpreter.version}):
        return ""
    version = interpreter.distributions.get(canonical(requirement.name))
    if version is None:
        return f"{requirement.name} is not installed"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} is {version}, needed is {requirement.specifier}"
    return ""
