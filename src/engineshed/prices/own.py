"""Prices that the people who run engineshed state themselves: what an hour of their own node costs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engineshed.ports.prices import InstanceType, Price, PriceUnknown


class OwnPrices:
    """A book of stated prices."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self._prices = {(p.item, p.market): p for p in prices}

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        """The stated price, in whatever region. Raises PriceUnknown saying where to state it."""
        try:
            return self._prices[(item, market)]
        except KeyError:
            wanted = f"{item!r} ({market})" if market else f"{item!r}"
            raise PriceUnknown(
                f"no price is known for {wanted}: state it under `prices` in platform.yaml "
                f"(known: {', '.join(sorted(i for i, _ in self._prices)) or 'none'})."
            ) from None

    def all(self) -> Sequence[Price]:
        """Every stated price, by item and market."""
        return tuple(self._prices[key] for key in sorted(self._prices))

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        """None: who states prices states no machines."""
        return ()
