"""Bills: the exports in which vendors say what they charged, read into lines of one form."""

from engineshed.prices.bills.reading import read_export

__all__ = ["read_export"]
