"""The two dimensions of the research, read from its files: crawls (what was crawled) and domains (what is asked).

A wrong file fails when the location is loaded, naming file and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engineshed.model.errors import SettingInvalid
from engineshed.running.settings import describe

HERE = Path(__file__).parent


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UrlPatterns(_Closed):
    """Regular expressions on a page's URL: at least one of `include` (when there are any) and none of `exclude`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Domain(_Closed):
    """A research query. `seeds`: for each column of the registry the values that take part."""

    name: str = Field(pattern="^[a-z][a-z0-9_-]*$")
    title: str
    seeds: Mapping[str, tuple[str, ...]]
    languages: tuple[str, ...] = ()
    url_patterns: UrlPatterns = UrlPatterns()
    link_kinds: tuple[str, ...] = ("a", "area")

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
    """Those of the crawls' places that are files of this machine, each once."""
    return tuple(dict.fromkeys(place for by_id in places.values() for place in by_id if "://" not in place))


def _absolute(place: str, folder: Path) -> str:
    return place if "://" in place else str((folder / place).resolve())


def _read(path: Path, schema: type[Any]) -> Any:
    try:
        return schema.model_validate(yaml.safe_load(path.read_text()))
    except yaml.YAMLError as error:
        raise SettingInvalid(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        raise SettingInvalid(f"{path}: {describe(error, schema)}") from None
