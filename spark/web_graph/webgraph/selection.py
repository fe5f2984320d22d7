"""Which pages a research domain asks for: its seeds' registrable domains, URL patterns and languages.

A selection travels to the workers inside the task, so it is small, frozen and made of plain values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webgraph.domains import registrable_domain
from webgraph.drops import Drop
from webgraph.urls import host_of


class DefinitionInvalid(ValueError):
    """A domain definition or argument that cannot be used; the text names the key and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Pages to keep. `seed_domains` None means every host; empty patterns or languages mean no such filter.

    Patterns are regular expressions searched in the serialised URL. Languages are primary subtags ("en"); a page
    that declares no language is kept.
    """

    seed_domains: frozenset[str] | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    languages: frozenset[str] = field(default_factory=frozenset)

    def refused_url(self, url: str) -> Drop | None:
        """Why a page at this serialised URL is not asked for, known before its record is read."""
        if self.seed_domains is not None and registrable_domain(host_of(url)) not in self.seed_domains:
            return Drop.NOT_SEED
        if self.include and not any(re.search(pattern, url) for pattern in self.include):
            return Drop.URL_PATTERN
        if any(re.search(pattern, url) for pattern in self.exclude):
            return Drop.URL_PATTERN
        return None

    def refused_language(self, language: str | None) -> Drop | None:
        """Why a page that declares this language (lower case) is not asked for."""
        if not self.languages or language is None:
            return None
        return None if re.split("[-_]", language)[0] in self.languages else Drop.LANGUAGE


def selection_of(definition: Mapping[str, Any], seed_domains: frozenset[str] | None) -> Selection:
    """Selection of a domain definition's `url_patterns` {include, exclude} and `languages`.

    Raises DefinitionInvalid naming the key.
    """
    patterns = definition.get("url_patterns") or {}
    if not isinstance(patterns, Mapping) or set(patterns) - {"include", "exclude"}:
        raise DefinitionInvalid(f"url_patterns must be a mapping of 'include' and 'exclude' to lists, not {patterns!r}")
    languages = _strings("languages", definition.get("languages"))
    return Selection(
        seed_domains=seed_domains,
        include=_patterns("include", patterns.get("include")),
        exclude=_patterns("exclude", patterns.get("exclude")),
        languages=frozenset(language.strip().lower() for language in languages),
    )


def _patterns(key: str, values: object) -> tuple[str, ...]:
    patterns = _strings(f"url_patterns.{key}", values)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise DefinitionInvalid(
                f"url_patterns.{key}: {pattern!r} is not a regular expression ({error}); escape its special characters"
            ) from error
    return patterns


def _strings(key: str, values: object) -> tuple[str, ...]:
    if values is None:
        return ()
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(v, str) for v in values):
        raise DefinitionInvalid(f"{key} must be a list of strings, not {values!r}")
    return tuple(values)
