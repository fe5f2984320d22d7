"""The registrable domain of a host by the public suffix list: the unit in which organisations are counted.

Private suffixes count (someone.github.io is a domain of its own), as for browsers' cookies. The list is the one
that the installed package ships, so a result depends on the lock file, never on the network.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

_is_ipv4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}").fullmatch


def is_ip(host: str) -> bool:
    """Whether a WHATWG-serialised host is an IPv4 or a bracketed IPv6 address."""
    return host[:1] == "[" or _is_ipv4(host) is not None


@lru_cache(maxsize=200_000)
def registrable_domain(host: str) -> str | None:
    """The domain below a public suffix that one owner registers, in ASCII form.

    None for IP addresses and for a public suffix itself. A top-level domain that the list does not know counts
    as a suffix, which is the list's own default rule.
    """
    name = host.strip(".").lower()
    if not name or is_ip(name):
        return None
    domain: str | None = _suffixes().privatesuffix(name)
    return domain


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()
