"""The two dimensions of the research, read from its files: crawls (what was crawled) and domains (what is asked).

A wrong file fails when the location is loaded, naming file and key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from engineshed.model.errors import SettingInvalid
from engineshed.running.settings import describe

HERE = Path(__file__).parent


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression ({error}): escape its special characters") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
LinkKind = Literal["a", "area", "link", "img", "script", "iframe", "form", "refresh"]
SeedColumn = Literal["organisation", "sector", "country"]
Language = Annotated[str, Field(pattern="^[A-Za-z]{2,3}$")]  # a primary subtag: "en", not "en-GB"


class UrlPatterns(_Closed):
    """Regular expressions on a page's URL: at least one of `include` (when there are any) and none of `exclude`."""

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()


class Domain(_Closed):
    """A research query. `seeds`: for each column of the registry the values that take part."""

    name: str = Field(pattern="^[a-z][a-z0-9_-]*$")
    title: str
    seeds: Mapping[SeedColumn, tuple[str, ...]]
    languages: tuple[Language, ...] = ()
    url_patterns: UrlPatterns = UrlPatterns()
    link_kinds: tuple[LinkKind, ...] = ("a", "area")

    def for_payload(self, asset: str, table: str) -> dict[str, Any]:
        """The definition as the payloads read it; the seed list is the table of that upstream asset."""
        return {
            "title": self.title,
            "seed_selector": {column: list(values) for column, values in self.seeds.items()},
            "seeds": {"asset": asset, "table": table},
            "url_patterns": self.url_patterns.model_dump(mode="json"),
            "languages": list(self.languages),
            "link_kinds": list(self.link_kinds),
        }


class Crawls(_Closed):
    """For each mode the places of each crawl's WARC files."""

    sample: Mapping[str, tuple[str, ...]]
    full: Mapping[str, tuple[str, ...]]

    @property
    def ids(self) -> list[str]:
        """All crawl ids, in order of time."""
        return sorted({*self.sample, *self.full})


def read_domains(folder: Path = HERE / "domains") -> dict[str, Domain]:
    """All research queries by name. Raises SettingInvalid naming file and key."""
    domains: dict[str, Domain] = {}
    for path in sorted(folder.glob("*.yaml")):
        domain = _read(path, Domain)
        if domain.name != path.stem:
            raise SettingInvalid(
                f"{path}: name is {domain.name!r}, but the file is called {path.stem!r}: make them agree."
            )
        domains[domain.name] = domain
    if not domains:
        raise SettingInvalid(f"{folder} holds no *.yaml: add a research query.")
    return domains


def read_crawls(path: Path = HERE / "crawls.yaml") -> Crawls:
    """The crawls, every local place made absolute. Raises SettingInvalid naming file and key."""
    crawls = _read(path, Crawls)

    def placed(by_id: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {crawl: tuple(_absolute(place, path.parent) for place in places) for crawl, places in by_id.items()}

    return Crawls(sample=placed(crawls.sample), full=placed(crawls.full))


def local_places(places: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Those of the crawls' places that are files of this machine, each once.

    Where they differ by the crawl's id alone it is written as `{crawl}`, so that a run uploads those of its own crawls.
    """
    local = {crawl: tuple(place for place in by_id if "://" not in place) for crawl, by_id in places.items()}
    alike = {tuple(place.replace(crawl, "{crawl}") for place in by_id) for crawl, by_id in local.items()}
    return (
        alike.pop() if len(alike) == 1 else tuple(dict.fromkeys(place for by_id in local.values() for place in by_id))
    )


def _absolute(place: str, folder: Path) -> str:
    return place if "://" in place else str((folder / place).resolve())


def _read(path: Path, schema: type[Any]) -> Any:
    try:
        return schema.model_validate(yaml.safe_load(path.read_text()))
    except yaml.YAMLError as error:
        raise SettingInvalid(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        raise SettingInvalid(f"{path}: {describe(error, schema)}") from None
