"""Domain definitions: what they keep, and that a wrong one is refused by its key."""

from __future__ import annotations

import pytest

from webgraph.domains import registrable_domain
from webgraph.drops import Drop
from webgraph.selection import DefinitionInvalid, selection_of


def test_patterns_are_searched_in_the_url():
    selection = selection_of({"url_patterns": {"include": ["/docs/", r"\.pdf$"], "exclude": ["draft"]}}, None)
    assert selection.refused_url("http://a.example/docs/x") is None
    assert selection.refused_url("http://a.example/docs/draft") == Drop.URL_PATTERN
    assert selection.refused_url("http://a.example/news") == Drop.URL_PATTERN


def test_languages_are_primary_subtags_and_undeclared_pages_stay():
    selection = selection_of({"languages": ["EN", "de"]}, None)
    assert [selection.refused_language(tag) for tag in ("en", "en-us", "de_at", None)] == [None] * 4
    assert selection.refused_language("english") == Drop.LANGUAGE


@pytest.mark.parametrize(
    ("definition", "key"),
    [
        ({"url_patterns": ["x"]}, "url_patterns"),
        ({"url_patterns": {"includes": []}}, "url_patterns"),
        ({"url_patterns": {"include": ["("]}}, r"url_patterns\.include"),
        ({"url_patterns": {"exclude": "x"}}, r"url_patterns\.exclude"),
        ({"languages": "en"}, "languages"),
        ({"languages": [1]}, "languages"),
    ],
)
def test_a_wrong_definition_is_refused_by_its_key(definition, key):
    with pytest.raises(DefinitionInvalid, match=key):
        selection_of(definition, None)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("Example.COM.", "example.com"),
        ("x.someone.github.io", "someone.github.io"),
        ("www.city.kawasaki.jp", "city.kawasaki.jp"),
        ("a.b.unknown-suffix", "b.unknown-suffix"),
        ("co.uk", None),
        ("localhost", None),
        ("192.0.2.1", None),
        ("[2001:db8::1]", None),
        ("", None),
    ],
)
def test_registrable_domains_follow_the_public_suffix_list(host, domain):
    assert registrable_domain(host) == domain
