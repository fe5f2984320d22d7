"""URLs by the WHATWG URL standard, at the speed of string slicing where the outcome is certain.

Most hrefs of a page are plain paths or plain absolute URLs whose serialisation is the concatenation of what is
already there. Those never reach the parser; everything unusual does (ada). Refuses schemes other than http(s):
the graph is one of web pages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

import ada_url

from webgraph.drops import Drop

MAX_URL_CHARS = 8192  # longer ones are data in disguise; servers refuse them too

# Characters that the URL standard neither encodes nor gives a meaning in that place. "." at the start of a
# segment, "%" in a path (%2e is a dot) and "\\" are left to the parser.
_PATH = r"[A-Za-z0-9_~!$&()*+,;=@/.-]"
_QUERY = r"(?:\?[A-Za-z0-9_~!$&()*+,;=@/.:?%-]{0,4000})?"
_is_plain_path = re.compile(rf"[A-Za-z0-9_~!$&()*+,;=@/-]{_PATH}*{_QUERY}").fullmatch
_is_plain_name = re.compile(rf"[A-Za-z0-9_~!$&()*+,;=@-]{_PATH}{{0,1000}}{_QUERY}").fullmatch
_is_plain_climb = re.compile(rf"((?:\.\./)+)((?:[A-Za-z0-9_~!$&()*+,;=@-]{_PATH}*{_QUERY})?)").fullmatch
# The last label holds letters only, so the host is no IPv4 address in disguise.
_is_plain_absolute = re.compile(rf"https?://(?:[a-z0-9-]+\.)+[a-z]{{2,}}(?:/{_PATH}*{_QUERY})?").fullmatch
_scheme_of = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):").match
_CONTROLS_AND_SPACE = "".join(map(chr, range(0x21)))
_TABS_AND_NEWLINES = str.maketrans("", "", "\t\n\r")
# These depend on the base's whole path or query, not on its directory alone; blanks may hide such a start.
_PAGE_RELATIVE = frozenset(["", "?", "#", *map(chr, range(0x21))])
_host_of = re.compile(r"https?://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)", re.IGNORECASE).match


def host_of(url: str) -> str:
    """Host of an http(s) URL in lower case, brackets of IPv6 kept; empty for anything else."""
    found = _host_of(url)
    return found.group(1).lower() if found else ""


def page_url(target_uri: str) -> str | None:
    """Serialise an absolute http(s) URL without its fragment; None when it is none.

    Angle brackets around the URI, as wget writes them into WARC headers, are taken off.
    """
    if _is_plain_absolute(target_uri) and "/." not in target_uri and "xn--" not in target_uri:
        return target_uri if target_uri.find("/", 8) > 0 else target_uri + "/"
    uri = target_uri[1:-1] if target_uri[:1] == "<" and target_uri[-1:] == ">" else target_uri
    try:
        url = _joined("about:blank", uri)
    except (ValueError, UnicodeError):
        return None
    return url.partition("#")[0] if url.startswith(("http://", "https://")) else None


def _joined(base: str, href: str) -> str:
    """A URL resolved and serialised. Raises ValueError where the standard fails.

    The parser takes labels in Punycode as they are; the standard decodes them and fails where they encode nothing.
    """
    url: str = ada_url.join_url(base, href)
    if "xn--" in url and not _is_encoded_name(host_of(url)):
        raise ValueError(f"{url} has a label that is no Punycode")
    return url


@lru_cache(maxsize=10_000)
def _is_encoded_name(host: str) -> bool:
    """Whether every label in Punycode is what its decoded form encodes to."""
    try:
        labels = [_decoded_label(label) for label in host.split(".")]
        again: str = ada_url.join_url("about:blank", f"http://{'.'.join(labels)}/")
    except (ValueError, OverflowError):
        return False
    return host_of(again) == host


def _decoded_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    decoded = label[4:].encode("ascii").decode("punycode")
    if decoded.isascii():
        raise ValueError(f"{label} encodes no character beyond ASCII")
    return decoded


class _Memo:
    """What hrefs come to, by the directory of their base: pages of one directory share most of their links.

    Per process and bounded; when full it starts anew.
    """

    def __init__(self, max_directories: int = 64, max_hrefs: int = 20_000) -> None:
        self._by_directory: dict[str, dict[str, str | Drop]] = {}
        self._max_directories = max_directories
        self._max_hrefs = max_hrefs

    def of(self, directory: str) -> dict[str, str | Drop]:
        known = self._by_directory.get(directory)
        if known is None or len(known) > self._max_hrefs:
            if len(self._by_directory) >= self._max_directories:
                self._by_directory.clear()
            known = self._by_directory[directory] = {}
        return known


_memo = _Memo()


class Base:
    """A document's base URL, against which its hrefs are resolved.

    `url` must be serialised by `page_url`; `href` is the value of the first `<base href>`, if any. `charset` is the
    document's encoding (a Python codec name): the standard encodes non-ASCII query characters in it.
    """

    __slots__ = ("_ancestors", "_charset", "_directory", "_known", "_origin", "url")

    def __init__(self, url: str, href: str | None = None, charset: str = "utf-8") -> None:
        base = url
        if href is not None:
            try:
                declared = _joined(url, href)
            except (ValueError, UnicodeError):
                declared = url
            # The HTML standard ignores a base that is data: or javascript:.
            base = url if declared.startswith(("data:", "javascript:")) else declared
        self.url = base.partition("#")[0]
        self._charset = charset
        self._ancestors: list[str] = []
        path_url = self.url.partition("?")[0]
        hierarchical = path_url.startswith(("http://", "https://"))
        slash = path_url.find("/", 8)
        self._origin = path_url[:slash] if hierarchical else ""
        self._directory = path_url[: path_url.rfind("/") + 1] if hierarchical else ""
        # Only non-ASCII queries see the charset, and only hierarchical bases share what they resolve.
        self._known = _memo.of(self._directory) if hierarchical and charset == "utf-8" else {}

    def resolve(self, href: str) -> str | Drop:
        """Absolute http(s) URL without fragment, or the reason why the href is not one."""
        known = self._known.get(href)
        if known is not None:
            return known
        if href[:1] in _PAGE_RELATIVE:
            return self._parsed(href)
        target = self._plain(href) or self._parsed(href)
        self._known[href] = target
        return target

    def resolve_all(self, hrefs: Iterable[str]) -> list[str | Drop]:
        """`resolve` of each href."""
        known, directory = self._known, self._directory
        targets: list[str | Drop] = []
        for href in hrefs:
            target = known.get(href)
            if target is None:
                # Written out, because calls are what a page of two thousand plain links spends its time on.
                if directory and _is_plain_name(href) and "/." not in href:
                    target = known[href] = directory + href
                else:
                    target = self.resolve(href)
            targets.append(target)
        return targets

    def _plain(self, href: str) -> str | None:
        """The outcome for hrefs that need no parser; None for the others."""
        if len(href) > MAX_URL_CHARS:
            return None
        if href[:3] == "../":
            climb = _is_plain_climb(href)
            if climb is not None and self._origin and "/." not in climb[2]:
                return self._above(len(climb[1]) // 3) + climb[2]
        elif "/." not in href:
            if href[:4] == "http":
                if _is_plain_absolute(href) and "xn--" not in href:
                    return href if href.find("/", 8) > 0 else href + "/"
            elif _is_plain_path(href) and self._origin:
                if href[0] != "/":
                    return self._directory + href
                if href[1:2] != "/":
                    return self._origin + href
        return None

    def _above(self, levels: int) -> str:
        """The directory that many levels up; the root is its own parent."""
        if not self._ancestors:
            end = len(self._directory)
            while end > len(self._origin):
                self._ancestors.append(self._directory[:end])
                end = self._directory.rfind("/", 0, end - 1) + 1
        return self._ancestors[min(levels, len(self._ancestors) - 1)]

    def _parsed(self, href: str) -> str | Drop:
        clean = href.strip(_CONTROLS_AND_SPACE).translate(_TABS_AND_NEWLINES)
        scheme = _scheme_of(clean)
        if scheme is not None and scheme.group(1).lower() not in ("http", "https"):
            return Drop.OTHER_SCHEME
        if len(clean) > MAX_URL_CHARS:
            return Drop.URL_TOO_LONG
        if self._charset != "utf-8" and not clean.isascii():
            clean = _query_in(self._charset, clean)
        try:
            url = _joined(self.url, clean)
        except (ValueError, UnicodeError):
            return Drop.BROKEN_URL
        if not url.startswith(("http://", "https://")):
            return Drop.OTHER_SCHEME
        return url.partition("#")[0]


def _query_in(charset: str, href: str) -> str:
    """Percent-encode the query's non-ASCII characters in the document's encoding, as forms and links are sent."""
    rest, hash_sign, fragment = href.partition("#")
    path, mark, query = rest.partition("?")
    encoded = "".join(char if char.isascii() else _quoted(charset, char) for char in query)
    return path + mark + encoded + hash_sign + fragment


def _quoted(charset: str, char: str) -> str:
    try:
        return quote(char.encode(charset), safe="")
    except UnicodeEncodeError:
        return f"%26%23{ord(char)}%3B"
