"""Several price books as one: what people state themselves goes before what is listed."""

from __future__ import annotations

from collections.abc import Sequence

from engineshed.ports.prices import InstanceType, Price, PriceBook, PriceUnknown


class Books:
    """Asks each book in turn."""

    def __init__(self, books: Sequence[PriceBook]) -> None:
        self._books = tuple(books)

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        """Of the first book that knows it. Raises PriceUnknown, in the words of the last one."""
        unknown: PriceUnknown | None = None
        for book in self._books:
            try:
                return book.price(item, market, region)
            except PriceUnknown as error:
                unknown = error
        raise unknown or PriceUnknown(f"there is no price book: state {item} under `prices` in platform.yaml.")

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        """Of all books, by name; of a machine that several know, as the first one says."""
        found = {kind.name: kind for book in reversed(self._books) for kind in book.instances(platform, region)}
        return tuple(found[name] for name in sorted(found))
