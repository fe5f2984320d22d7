"""An amount of dollars as an option: refuses what is no amount, and what is below 0."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

import click


class Dollars(click.ParamType[Decimal]):
    """An amount of at least 0."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """To Decimal."""
        try:
            amount = Decimal(str(value).removeprefix("$"))
        except InvalidOperation:
            self.fail(f"{value!r} is no amount of dollars: write 12.50", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is no amount of dollars: give at least 0", param, ctx)
        return amount
