"""Requests for services other than EMR, handed on to the neighbours: one address is enough for a client of all."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_OF_ONE_HOP = frozenset({"connection", "expect", "keep-alive", "transfer-encoding", "content-length"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """As it arrived, its body whole."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """As it is sent. headers: in order, without those of one connection."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)


def forward(request: Request, upstream_url: str) -> Reply:
    """The neighbours' reply; 501 where there are none."""
    if not upstream_url:
        text = b"this double of EMR has no other services: give it neighbours, EmrDouble(neighbours=Neighbours())"
        return Reply(status=501, body=text)
    connection = http.client.HTTPConnection(urlsplit(upstream_url).netloc)
    try:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_ONE_HOP}
        connection.request(request.method, request.target, request.body, headers)
        reply = connection.getresponse()
        said = [(name, value) for name, value in reply.getheaders() if name.lower() not in _OF_ONE_HOP]
        if request.method == "HEAD":
            # Its length is that of the body that GET would have.
            said += [("Content-Length", value) for value in [reply.getheader("Content-Length")] if value]
        return Reply(status=reply.status, body=reply.read(), headers=said)
    finally:
        connection.close()
