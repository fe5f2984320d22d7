"""The driver's output from its pod's log, piece by piece.

Refuses nothing once the pod is gone: then there is nothing new. The kubelet keeps 10 MiB a container by default; what
was rotated away between two looks is said to be missing, and reading goes on behind it.
"""

from __future__ import annotations

from engineshed.delivered.characters import whole_characters
from engineshed.engines.kubernetes.api import PODS, Api, Missing
from engineshed.engines.kubernetes.objects import JSON
from engineshed.model.errors import ChannelError, SubmitRejected
from engineshed.ports.engine import LogChunk
from engineshed.processes.stamped import Place, after, lines_of, part_of

CHUNK_BYTES = 64 * 1024
_LOST = "[engineshed: the log was rotated here; lines are missing]\n"


def next_chunk(api: Api, pod: JSON, cursor: str, *, final: bool) -> LogChunk:
    """At most 64 KiB after the cursor; while the run lives only whole lines, unless one is longer than that.

    Raises ChannelError for a cursor that is none of ours, and what the API server's errors become.
    """
    try:
        return _chunk(api, pod, Place.parse(cursor), final=final)
    except (Missing, SubmitRejected):
        # Gone, or not started: the API server answers "container is waiting to start" with a 400.
        return LogChunk("", cursor)


def last_lines(api: Api, pod: JSON, count: int) -> str:
    """The last lines of the driver's output; empty when there are none any more."""
    try:
        with api.stream(_path(api, pod), container=_container(pod), tailLines=str(count)) as pieces:
            text = b"".join(pieces)
    except (Missing, SubmitRejected):
        return ""
    return text[-CHUNK_BYTES:].decode("utf-8", errors="replace").strip("\n")


def _chunk(api: Api, pod: JSON, place: Place, *, final: bool) -> LogChunk:
    query = {"container": _container(pod), "timestamps": "true"}
    if place.since:
        query["sinceTime"] = place.since
    texts: list[bytes] = []
    room = CHUNK_BYTES
    at = place
    with api.stream(_path(api, pod), **query) as pieces:
        try:
            for text, here in after(lines_of(pieces), place):
                if not text.endswith(b"\n") and not final and len(text) < CHUNK_BYTES:
                    break
                piece = whole_characters(text[:room]) if len(text) > room else text
                if len(text) > room and texts and len(text) <= CHUNK_BYTES:
                    break
                texts.append(piece)
                room -= len(piece)
                if len(piece) < len(text):
                    at = part_of(place, here, len(piece))
                    break
                at = here if text.endswith(b"\n") else part_of(place, here, len(piece))
        except ChannelError:
            return LogChunk(_LOST, str(Place()))
    return LogChunk(b"".join(texts).decode("utf-8", errors="replace"), str(at) if at.stamp else "")


def _path(api: Api, pod: JSON) -> str:
    return PODS.at(api.namespace, pod["metadata"]["name"], "log")


def _container(pod: JSON) -> str:
    """The first: what a cluster adds comes behind it."""
    return str(pod["spec"]["containers"][0]["name"])
