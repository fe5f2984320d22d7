"""What size, colour, width and outline mean, and what the picture leaves out, in a strip below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon

from web_graph.pictures.canvas import PAPER, SOFT_INK, Sheet, pixels, text_size
from web_graph.pictures.curves import line_width
from web_graph.pictures.naming import compact, counted
from web_graph.pictures.network import Network
from web_graph.pictures.palette import BOTH_WAYS, OTHER, colour_of
from web_graph.pictures.scene import WIDTH_PX, radius

_TOP: Final = 944.0
_PX: Final = 18.5
_ENTRY_PX: Final = 17.5
_LEFT: Final = 36.0


def draw_legend(sheet: Sheet, network: Network) -> None:
    """The legend and, on the last lines, what is not drawn."""
    sheet.axes.add_line(Line2D([_LEFT, WIDTH_PX - _LEFT], [_TOP - 12] * 2, color="#dcd8cc", linewidth=1))
    if network.links:
        _sizes(sheet, network, _LEFT)
        _widths(sheet, network, 292)
        _marks(sheet, network, 536)
        _groups(sheet, network, 930)
    for row, note in enumerate(_notes(network)):
        sheet.text(_LEFT, 1054 + 22 * row, note, 17, color=SOFT_INK)


def _heading(sheet: Sheet, x: float, text: str) -> None:
    sheet.text(x, _TOP, text, _PX, bold=True)


def _sizes(sheet: Sheet, network: Network, x: float) -> None:
    _heading(sheet, x, "Area: links received")
    for value in _steps(max(node.in_weight for node in network.nodes)):
        r = radius(value, network)
        label = compact(value)
        sheet.axes.add_patch(Circle((x + r, _TOP + 60), r, facecolor=OTHER, edgecolor="none"))
        _entry(sheet, x + 2 * r + 7, _TOP + 60, label)
        x += 2 * r + 7 + text_size(label, _ENTRY_PX)[0] + 18


def _widths(sheet: Sheet, network: Network, x: float) -> None:
    _heading(sheet, x, "Width: links")
    heaviest = max(link.weight for link in network.links)
    for value in _steps(heaviest):
        label = compact(value)
        width = pixels([line_width(value, heaviest)])[0]
        sheet.axes.add_line(Line2D([x, x + 30], [_TOP + 60] * 2, color=OTHER, linewidth=width, solid_capstyle="butt"))
        _entry(sheet, x + 37, _TOP + 60, label)
        x += 37 + text_size(label, _ENTRY_PX)[0] + 18


def _marks(sheet: Sheet, network: Network, x: float) -> None:
    _heading(sheet, x, "Arrows and rings")
    rows = [_row(place) for place in range(3)]
    _arrow(sheet, x, rows[0], OTHER)
    _entry(sheet, x + 52, rows[0], "one way, in the sender’s colour")
    _arrow(sheet, x, rows[1], BOTH_WAYS)
    _entry(sheet, x + 52, rows[1], "both ways")
    if any(node.pages == 0 for node in network.nodes):
        ring = Circle((x + 21, rows[2]), 8, facecolor=PAPER, edgecolor=OTHER, linewidth=pixels([3.0])[0])
        sheet.axes.add_patch(ring)
        _entry(sheet, x + 52, rows[2], "linked to, none of its pages read")


def _row(place: int) -> float:
    return _TOP + 38 + 26 * place


def _entry(sheet: Sheet, x: float, y: float, text: str) -> None:
    sheet.text(x, y, text, _ENTRY_PX, va="center_baseline", color=SOFT_INK)


def _arrow(sheet: Sheet, x: float, y: float, colour: str) -> None:
    sheet.axes.add_line(Line2D([x, x + 30], [y, y], color=colour, linewidth=pixels([3.0])[0], solid_capstyle="butt"))
    sheet.axes.add_patch(Polygon([(x + 42, y), (x + 28, y - 6), (x + 28, y + 6)], facecolor=colour, edgecolor="none"))


def _groups(sheet: Sheet, network: Network, x: float) -> None:
    entries: list[tuple[int | None, str]] = list(enumerate(network.leaders()))
    if not entries:
        return
    if any(node.group is None for node in network.nodes):
        entries.append((None, "others"))
    _heading(sheet, x, "Colour: groups that link mostly among themselves, around")
    columns = [entries[at : at + 3] for at in range(0, len(entries), 3)]
    wanted = [max(text_size(name, _ENTRY_PX)[0] for _, name in column) + 46 for column in columns]
    widest = max(wanted)
    while sum(min(width, widest) for width in wanted) > WIDTH_PX - _LEFT + 20 - x:
        widest -= 4
    for column, width in zip(columns, (min(width, widest) for width in wanted), strict=True):
        for place, (group, name) in enumerate(column):
            sheet.axes.add_patch(Circle((x + 8, _row(place)), 8, facecolor=colour_of(group), edgecolor="none"))
            _entry(sheet, x + 23, _row(place), _fitting(name, width - 43))
        x += width


def _notes(network: Network) -> list[str]:
    notes = []
    if network.links_left_out:
        left = f"Drawn: the heaviest {len(network.links):,} links; {network.links_left_out:,} lighter ones"
        if network.nodes_left_out:
            left += f" and {counted(network.nodes_left_out, 'domain', 'domains')} with no others"
        notes.append(f"{left} are left out.")
    if network.isolated:
        start = "Without any link: "
        notes.append(_listed(start, network.isolated, WIDTH_PX - 2 * _LEFT))
    return notes


def _listed(start: str, names: Sequence[str], room_px: float) -> str:
    """As many names as fit, and how many more there are."""
    for shown in range(len(names), -1, -1):
        more = f" and {len(names) - shown:,} more" if shown < len(names) else ""
        line = f"{start}{', '.join(names[:shown])}{more}."
        if text_size(line, 17)[0] <= room_px:
            return line
    return f"{start}{len(names):,}."


def _fitting(text: str, room_px: float) -> str:
    while text_size(text, _ENTRY_PX)[0] > room_px and len(text) > 2:
        text = text[:-2].rstrip() + "…"
    return text


def _steps(most: int) -> list[int]:
    """One, a round middle and the largest."""
    middle = round((most + 1) / 4) if most < 40 else round(most / 4, -1)
    return sorted({1, max(1, int(middle)), max(1, most)})
