"""What vendors charged: for each account and day the newest export holds, and each line counts once.

An export tells of all days from an account's first line to its last, also of those on which nothing was charged. An
attempt's billed cost is worked out from all its lines, so that neither the order of imports nor repeating them matters.
It holds only when it is whole: every day of the attempt is told by each of its accounts, by an export made a day later
or more, and every part that was metered has a line. Until then the metered cost holds. Refuses lines that a run's id
gives to several attempts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, delete, func, insert, select, tuple_

from engineshed.model.attempt import Attempt
from engineshed.model.billing import BillExport, BillLine, Imported, Part, Waiting
from engineshed.model.errors import LedgerError
from engineshed.model.launch import Token
from engineshed.model.money import Basis, Cost
from engineshed.storage.ledger.attempts import attempt
from engineshed.storage.ledger.leases import lock
from engineshed.storage.ledger.schema import bill_days, bill_lines, billings, intents, launches
from engineshed.storage.ledger.statements import insert_or_pass

_LATE = timedelta(hours=24)
"""AWS adds to a day up to a day later, Databricks for about 12 hours: before, a day may lack lines."""

_Slice = tuple[str, str]


def record(connection: Connection, export: BillExport) -> Imported:
    """See Ledger.record_bill."""
    lock(connection, "bills")
    opened, touched = _opened(connection, export)
    fresh = [line for line in export.lines if _slice(line) in opened]
    owners = _Owners(connection)
    matched = [(owner, line) for line in fresh if (owner := owners.of(line)) is not None]
    _write(connection, matched)
    touched |= {owner for owner, _ in matched} | _unbilled(connection)
    billed, waiting = [], []
    for token in sorted(touched):
        changed, why = _work_out(connection, token)
        if changed:
            billed.append(token)
        if why:
            waiting.append(Waiting(token=token, why=why))
    return Imported(
        matched=len(matched),
        outdated=len(export.lines) - len(fresh),
        billed=tuple(billed),
        waiting=tuple(waiting),
        unmatched=tuple(line for line in fresh if owners.of(line) is None),
    )


def _opened(connection: Connection, export: BillExport) -> tuple[set[_Slice], set[str]]:
    """The account-days for which this export is the newest, emptied of older lines; and whose lines those were."""
    opened, touched = set[_Slice](), set[str]()
    for account, days in _told(export.lines).items():
        known = _known(connection, account)
        for day in days:
            at = known.get(day)
            if at is not None and at > export.exported_at:
                continue
            opened.add((account, day))
            if at != export.exported_at:
                touched |= _emptied(connection, account, day)
                row = {"account": account, "day": day, "exported_at": export.exported_at}
                connection.execute(insert(bill_days).values(row))
    return opened, touched


def _told(lines: Iterable[BillLine]) -> dict[str, list[str]]:
    """The days that an export tells of each account: those from its first line to its last, idle ones included."""
    spans: dict[str, tuple[date, date]] = {}
    for line in lines:
        first, last = spans.get(line.account, (line.day, line.day))
        spans[line.account] = min(first, line.day), max(last, line.day)
    return {account: [day.isoformat() for day in _days(*span)] for account, span in sorted(spans.items())}


def _known(connection: Connection, account: str) -> dict[str, datetime]:
    """Of when the newest export of each day is."""
    query = select(bill_days.c.day, bill_days.c.exported_at).where(bill_days.c.account == account)
    return dict(connection.execute(query).tuples().all())


def _emptied(connection: Connection, account: str, day: str) -> set[str]:
    lines = (bill_lines.c.account == account, bill_lines.c.day == day)
    owners = set(connection.execute(select(bill_lines.c.token).where(*lines)).scalars())
    connection.execute(delete(bill_lines).where(*lines))
    connection.execute(delete(bill_days).where(bill_days.c.account == account, bill_days.c.day == day))
    return owners


class _Owners:
    """Whose line it is: by its token, else by the run that it names."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[tuple[str, str, str], str | None] = {}

    def of(self, line: BillLine) -> str | None:
        claim = (line.token, line.engine, line.run_id)
        if claim not in self._found:
            self._found[claim] = self._by_token(line.token) or self._by_run(line.engine, line.run_id)
        return self._found[claim]

    def _by_token(self, token: str) -> str | None:
        query = select(intents.c.token).where(intents.c.token == token)
        return self._connection.execute(query).scalar_one_or_none() if token else None

    def _by_run(self, engine: str, run_id: str) -> str | None:
        if not engine or not run_id:
            return None
        # A run of a cluster of its own is `cluster/step`: the cluster names it too.
        start = func.substr(launches.c.native_id, 1, len(run_id) + 1)
        query = select(launches.c.token, launches.c.extras).where(
            launches.c.engine == engine, (launches.c.native_id == run_id) | (start == f"{run_id}/")
        )
        own = [token for token, extras in self._connection.execute(query) if not extras.get("shared")]
        return own[0] if len(own) == 1 else None


def _write(connection: Connection, matched: Sequence[tuple[str, BillLine]]) -> None:
    for token, line in matched:
        account, day = _slice(line)
        row = {
            "account": account, "day": day, "identity": line.identity, "token": token, "part": line.part.value,
            "usd": line.usd, "what": line.what,
        }  # fmt: skip
        if connection.execute(insert_or_pass(connection, bill_lines).values(row)).rowcount == 1:
            continue
        key = tuple_(bill_lines.c.account, bill_lines.c.day, bill_lines.c.identity)
        there = connection.execute(select(bill_lines.c.usd).where(key == (account, day, line.identity))).scalar_one()
        if there != line.usd:
            raise LedgerError(
                f"the bill of {account} says ${line.usd} for {line.what} of {day}, and said ${there} in another "
                "export of the same moment: give each its own --exported. Nothing was recorded."
            )


def _unbilled(connection: Connection) -> set[str]:
    query = (
        select(bill_lines.c.token)
        .outerjoin(billings, billings.c.token == bill_lines.c.token)
        .where(billings.c.token.is_(None))
    )
    return set(connection.execute(query).scalars())


def _work_out(connection: Connection, token: str) -> tuple[bool, str]:
    """Write or take back what was billed to the attempt: whether that changed, and what it waits for."""
    before = connection.execute(select(billings).where(billings.c.token == token)).mappings().one_or_none()
    found = connection.execute(select(bill_lines).where(bill_lines.c.token == token)).mappings().all()
    one = attempt(connection, Token(token))
    assert one is not None
    accounts = sorted({row["account"] for row in found})
    parts = {part: [row["usd"] for row in found if row["part"] == part] for part in Part}
    why, newest = _lacking(connection, one, accounts, parts) if found else ("the newest bill has no line of it", None)
    after = None
    if newest is not None and not why:
        after = {f"billed_{part}_usd": sum(usd, Decimal(0)) for part, usd in parts.items()}
        after |= {"token": token, "accounts": ", ".join(accounts), "exported_at": newest}
    if (dict(before) if before else None) != after:
        connection.execute(delete(billings).where(billings.c.token == token))
        if after:
            connection.execute(insert(billings).values(after))
        return after is not None, why
    return False, why


def _lacking(
    connection: Connection, one: Attempt, accounts: Iterable[str], parts: dict[Part, list[Decimal]]
) -> tuple[str, datetime | None]:
    """What the bill of an attempt lacks, in words, else empty; and of when its newest export is."""
    if one.settlement is None:
        return "it is not settled yet", None
    metered = one.settlement.cost or Cost(basis=Basis.METERED)
    unpaid = [part for part in Part if getattr(metered, f"{part}_usd") > 0 and not parts[part]]
    if unpaid:
        return f"no bill tells its {', '.join(unpaid)} yet", None
    newest: datetime | None = None
    for account in accounts:
        known = _known(connection, account)
        for day in _days(one.intent.created_at.date(), one.settlement.settled_at.date()):
            at = known.get(day.isoformat())
            if at is None:
                return f"the bill of {account} does not tell {day} yet", None
            if at < _end(day, at) + _LATE:
                return f"the bill of {account} for {day} is of {at:%Y-%m-%d %H:%M}, too early to be whole", None
            newest = at if newest is None else max(newest, at)
    return "", newest


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _end(day: date, like: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=like.tzinfo) + timedelta(days=1)


def _slice(line: BillLine) -> _Slice:
    return line.account, line.day.isoformat()
