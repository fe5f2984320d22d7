"""Finds the Spark assets that a command names, in the definitions of the code locations here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engineshed.cli.finding import premises_here
from engineshed.model.errors import ConfigurationInvalid
from engineshed.running.definitions import LocationDefinitions
from engineshed.running.order import Declared
from engineshed.running.premises import Premises


@dataclass(frozen=True, slots=True)
class Found:
    """Assets of one code location, in the order in which they were named."""

    premises: Premises
    definitions: LocationDefinitions
    declared: tuple[Declared, ...]


def find_assets(location: str | None, names: Sequence[str]) -> Found:
    """By whole names or last parts, all of the first location that has the first. Raises ConfigurationInvalid."""
    there: list[str] = []
    for premises in premises_here(location):
        definitions = LocationDefinitions(premises)
        declared = definitions.assets()
        if any(_is(names[0], d) for d in declared):
            return Found(premises, definitions, tuple(_one(name, declared) for name in names))
        there += [d.asset for d in declared]
    raise _unknown(names[0], there)


def _one(name: str, declared: Sequence[Declared]) -> Declared:
    found = next((d for d in declared if _is(name, d)), None)
    if found is None:
        raise _unknown(name, [d.asset for d in declared])
    return found


def _is(name: str, declared: Declared) -> bool:
    return name in (declared.asset, declared.asset.rsplit("/", 1)[-1])


def _unknown(name: str, there: Sequence[str]) -> ConfigurationInvalid:
    listed = ", ".join(sorted(there)) or "none"
    return ConfigurationInvalid(f"there is no Spark asset {name!r}; there are: {listed}.")
