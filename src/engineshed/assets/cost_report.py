"""`cost_report`: what a code location spent, month by month, as an asset whose page shows the table and the curves.

It tells what `engineshed costs` tells, from the same ledger and by the same sums. Reading it again, for example after a
bill was imported, is materialising the month again. Refuses to stand in another code location than its own, where it
would show an empty bill.
"""

# No deferred annotations: Dagster reads those of the function it decorates.

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import dagster as dg

from engineshed.assets.delivering import failure_of
from engineshed.assets.resource import Engineshed
from engineshed.model.errors import EngineshedError, SettingInvalid
from engineshed.model.spending import Spending
from engineshed.planning.showback import Sum, basis_text, showback, total
from engineshed.planning.statement import as_markdown, count_text, figures, money_text, shares_text, unpriced_text
from engineshed.running.premises import Premises
from engineshed.storage.ledger import open_ledger

_MONTH = "%Y-%m"
_LINES_READ = 50
_LINES_KEPT = 1000
_CURVES = 20
_BILLS_COME = timedelta(days=10)
"""For how long after a month's end it is told anew: vendors correct their bills for some days."""


def cost_report(
    code_location: str,
    *,
    team: str,
    owners: Sequence[str] = (),
    by: Sequence[str] = ("asset", "engine"),
    since: str = "2025-01",
    cron: str = "0 6 * * *",
    group_name: str = "costs",
    default_status: dg.DefaultScheduleStatus = dg.DefaultScheduleStatus.STOPPED,
) -> dg.Definitions:
    """The asset `<code_location>/costs`, a partition for each month (UTC) from `since` on, and a schedule that tells
    the current month anew, in the first days also the one before. Merge it into the location's definitions, which have
    the resource `engineshed`.

    by: what the table is told by. cron: when (UTC). team: owner; added to `owners` and `tags`. Raises SettingInvalid
    where `by` names what costs cannot be told by.
    """
    showback([], by)
    months = dg.MonthlyPartitionsDefinition(start_date=since, fmt=_MONTH, end_offset=1)

    @dg.asset(
        key=[code_location, "costs"],
        group_name=group_name,
        owners=[*dict.fromkeys([f"team:{team}", *owners])],
        tags={"team": team},
        kinds={"table"},
        partitions_def=months,
        description=f"What runs of {code_location} cost, by {', '.join(by)}: a table for each month, sums to plot.",
    )
    def costs(context: dg.AssetExecutionContext, engineshed: Engineshed) -> dg.MaterializeResult[Any]:
        start, end = context.partition_time_window
        try:
            spendings = _spendings(engineshed.premises(), code_location, start, end)
        except EngineshedError as error:
            raise failure_of(error) from error
        title = f"{code_location} in {context.partition_key} (UTC)"
        return dg.MaterializeResult(metadata=report_metadata(title, spendings, by))

    @dg.schedule(
        name=f"{code_location.replace('-', '_')}_costs",
        cron_schedule=cron,
        execution_timezone="UTC",
        target=[costs],
        default_status=default_status,
        description=f"Tells {code_location}/costs of the current month anew, for ten days also the month before.",
    )
    def daily(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        now = context.scheduled_execution_time
        for month in sorted({now.strftime(_MONTH), (now - _BILLS_COME).strftime(_MONTH)}):
            if month >= since:
                yield dg.RunRequest(run_key=f"{month} {now.isoformat()}", partition_key=month)

    return dg.Definitions(assets=[costs], schedules=[daily])


def report_metadata(title: str, spendings: Sequence[Spending], by: Sequence[str]) -> dict[str, dg.MetadataValue[Any]]:
    """The bill as a page shows it: in words and as a table, line by line with all digits, then as numbers to plot."""
    lines = showback(spendings, by)
    whole = total(lines)
    return {
        "costs": dg.MetadataValue.md(_page(title, by, lines, whole)),
        "lines": dg.MetadataValue.table(
            [dg.TableRecord(_record(line)) for line in lines[:_LINES_KEPT]], schema=_schema(by)
        ),
        **{name: dg.MetadataValue.float(float(figure)) for name, figure in figures(whole).items()},
        **_curves(spendings, by),
    }


def _spendings(premises: Premises, code_location: str, start: datetime, end: datetime) -> list[Spending]:
    here = premises.location.code_location
    if here != code_location:
        raise SettingInvalid(
            f"cost_report({code_location!r}) runs in the code location {here!r} ({premises.location_file}): "
            "write that name."
        )
    ledger = open_ledger(premises.ledger_url)
    try:
        return [spending for spending in ledger.spendings(start, end) if spending.code_location == code_location]
    finally:
        ledger.close()


def _page(title: str, by: Sequence[str], lines: Sequence[Sum], whole: Sum) -> str:
    if not lines:
        return f"Nothing was settled: {title}."
    told = f"**${money_text(whole.total_usd)}** for {count_text(whole.attempts)} runs of {title}"
    shares = shares_text(whole)
    said = (f"{told}: {shares}." if shares else f"{told}.", unpriced_text(whole))
    return "\n\n".join([" ".join(filter(None, said)), as_markdown(by, lines, most=_LINES_READ)])


def _record(line: Sum) -> Mapping[str, str | float]:
    numbers = {name: _exact(figure) for name, figure in figures(line).items()}
    return {**line.of, **numbers, "basis": basis_text(line)}


def _exact(figure: Decimal | float) -> str | float:
    return format(figure, "f") if isinstance(figure, Decimal) else figure


def _schema(by: Sequence[str]) -> dg.TableSchema:
    kinds = {name: "decimal" if isinstance(figure, Decimal) else "float" for name, figure in figures(total([])).items()}
    return dg.TableSchema(
        [
            *(dg.TableColumn(name, "string") for name in by),
            *(dg.TableColumn(name, kind) for name, kind in kinds.items()),
            dg.TableColumn("basis", "string", description="Where the figures come from, with the share of each"),
        ]
    )


def _curves(spendings: Sequence[Spending], by: Sequence[str]) -> dict[str, dg.MetadataValue[Any]]:
    """The dearest of each dimension, so that each is a curve over the months."""
    return {
        f"{name}/{line.of[name]}_usd": dg.MetadataValue.float(float(line.total_usd))
        for name in by
        for line in showback(spendings, [name])[:_CURVES]
    }
