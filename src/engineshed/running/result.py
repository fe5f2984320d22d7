"""What a step returns, as JSON in the ledger: a successor of a dead worker returns the very same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from engineshed.model.check import CheckOutcome
from engineshed.model.commit import CommitRef
from engineshed.model.job import Mode
from engineshed.model.money import Cost
from engineshed.model.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One partition that this step replaced. `rows` and `hashes` are by table; a hash is None above the size limit."""

    ref: CommitRef
    upstream: tuple[CommitRef, ...]
    rows: Mapping[str, int]
    size_bytes: Mapping[str, int]
    hashes: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What the driver said besides log lines: its own counts, stock Pipes materialisations and checks."""

    report: Mapping[str, Any] = field(default_factory=dict)
    materializations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    custom: tuple[Any, ...] = ()
    runtime: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a good step."""

    token: str
    ordinal: int
    asset: str
    mode: Mode
    engine: str
    offer: str
    native_id: str
    seconds: float
    attempts: int
    adopted: bool
    messages: int
    plan: Mapping[str, Any]
    links: Mapping[str, str]
    provenance: Mapping[str, Any]
    published: tuple[Published, ...] = ()
    reported: Reported = field(default_factory=Reported)
    checks: tuple[CheckOutcome, ...] = ()
    usage: Usage | None = None
    cost: Cost | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `from_json` reads back to an equal value."""
        plain: dict[str, Any] = _RESULT.dump_python(self, mode="json")
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Result:
        """The result that `to_json` wrote."""
        return _RESULT.validate_python(plain)


_RESULT: TypeAdapter[Result] = TypeAdapter(Result)
