"""Looks of a picture: width and colours; what is drawn does not depend on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

WIDE, NARROW = 680, 330
# Widths of DejaVu Sans and Verdana beside those of Liberation Sans, in which Vega measures; and of
# an average letter of theirs beside its size.
WIDEST, LETTER = 1.2, 0.62
# The control is a plain line, others are dashed by turns: readable in grey, too.
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [10, 4], [2, 4]]
# Part of the way to grey of a fill that comes a second time, and a third.
PALER = 0.3
# Pixels of a symbol of a legend with its air, and right of a picture.
SYMBOL, AIR = 42, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Look of a picture: its width in pixels, made for a light or dark ground, or with its own."""

    width: int
    is_dark: bool = False
    ground: str = "transparent"

    @property
    def is_narrow(self) -> bool:
        return self.width < 480

    @property
    def text_size(self) -> int:
        return 11 if self.is_narrow else 12

    @property
    def label_limit(self) -> int:
        """Return the most pixels, by Vega's measure, that a label beside an axis has."""
        return 130 if self.is_narrow else 210

    def lines_of(self, label: str) -> list[str]:
        """Return a label on two lines if it has a dot (` · `) or is too long for one.

        >>> Look(width=NARROW).lines_of("Commencer en deux minutes")
        ['Commencer en', 'deux minutes']
        >>> Look(width=NARROW).lines_of("device · mobile")
        ['device', 'mobile']
        """
        if " · " in label:
            return label.split(" · ", 1)
        words = label.split(" ")
        if LETTER * self.text_size * len(label) <= self.label_limit or len(words) == 1:
            return [label]
        halves = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
        return list(min(halves, key=lambda lines: max(map(len, lines))))

    def room_for(self, lines: Iterable[str]) -> int:
        """Return the pixels that lines beside an axis may need in the reader's own font."""
        longest = max(map(len, lines), default=0)
        return round(min(LETTER * self.text_size * longest, WIDEST * self.label_limit)) + 10

    def legend_of(self, names: Iterable[str], *, left: int) -> dict[str, int]:
        """Return columns of a legend and their room, by the widths of the reader's own font.

        Args:
            names: Texts of the legend.
            left: Pixels left of it, of the axis.
        """
        longest = LETTER * self.text_size * max(map(len, names), default=0)
        room = self.width - left - AIR
        has_two = not self.is_narrow and 2 * (longest + SYMBOL) <= room
        return {
            "columns": 2 if has_two else 1,
            "columnPadding": round(longest / 4) + 10,
            "labelLimit": round((room - SYMBOL) / WIDEST),
        }

    @property
    def series_colours(self) -> list[str]:
        """Return colours of at least 3 to 1 on the ground, the control's first.

        Okabe and Ito's set, darker on white and lighter on black; dashes and shapes
        distinguish the series without colours.
        """
        if self.is_dark:
            return ["#c9d1d9", "#7cc4ff", "#ffb454", "#4fd6a8", "#f39cc8", "#f0e442", "#ff8f6b"]
        return ["#57606a", "#0063a8", "#a85b00", "#00745a", "#a8407f", "#6b5d00", "#b23a00"]

    @property
    def series_fills(self) -> list[str]:
        """Return colours of bars and areas: the same hues, of lightnesses far apart.

        Without colours (a grey print, a reader who does not see them) each keeps a tone of its
        own, and neighbours differ most. Pale ones need an outline on a white ground.
        """
        if self.is_dark:
            return ["#bec8d2", "#0586c4", "#ffd9b3", "#00aa7f", "#fef0f6", "#bab200", "#ba3d19"]
        return ["#bbc8d6", "#0061a5", "#fb9122", "#008769", "#fed8ec", "#a5901c", "#842500"]

    def colour_of(self, index: int) -> str:
        """Return the colour of a line: that of the control is never another's."""
        return self.series_colours[_turn(index, len(self.series_colours))[0]]

    def fill_of(self, index: int) -> str:
        """Return the colour of a bar or area; hues come again, each time nearer to grey."""
        place, turn = _turn(index, len(self.series_fills))
        return _blended(self.series_fills[place], "#8c8c8c", min(PALER * turn, 1.0))

    @property
    def accent(self) -> str:
        return self.series_colours[1]

    @property
    def alarm(self) -> str:
        return self.series_colours[-1]

    @property
    def muted(self) -> str:
        return "#a9b1bb" if self.is_dark else "#57606a"

    def config(self) -> dict[str, Any]:
        """Return the part of a specification that is the same for all pictures."""
        text = "#e5e7eb" if self.is_dark else "#1f2937"
        grid = "#3a424d" if self.is_dark else "#dfe3e8"
        size = self.text_size
        return {
            "background": self.ground,
            "font": "sans-serif",
            "view": {"stroke": None},
            "axis": {
                "labelColor": text,
                "titleColor": text,
                "gridColor": grid,
                "domainColor": grid,
                "tickColor": grid,
                "labelFontSize": size,
                "titleFontSize": size,
                "titleFontWeight": "normal",
                "labelLimit": self.label_limit,
            },
            "legend": {
                "labelColor": text,
                "titleColor": text,
                "labelFontSize": size,
                "orient": "bottom",
                "symbolSize": 80,
                "symbolStrokeWidth": 2,
            },
            "text": {"color": text, "fontSize": size},
        }


def dash_of(index: int) -> list[int]:
    """Return the dash of a line: with its colour, no other of the first 37 lines has it.

    >>> [dash_of(index) for index in (0, 1, 7)]
    [[1, 0], [6, 3], [2, 2]]
    """
    _, turn = _turn(index, len(DASHES))
    return DASHES[_turn(index + turn, len(DASHES))[0]]


def _turn(index: int, n: int) -> tuple[int, int]:
    """Return a place among n values, of which the first is the control's alone, and which turn."""
    if index == 0:
        return 0, 0
    turn, place = divmod(index - 1, n - 1)
    return 1 + place, turn


def _blended(colour: str, other: str, part: float) -> str:
    """Return a colour a part of the way to another.

    >>> _blended("#000000", "#64c8ff", 0.5)
    '#326480'
    """
    ends = [[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in (colour, other)]
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(*ends, strict=True))


LOOKS = {
    "wide": Look(width=WIDE),
    "narrow": Look(width=NARROW),
    "wide-dark": Look(width=WIDE, is_dark=True),
    "narrow-dark": Look(width=NARROW, is_dark=True),
}
# For files, which are looked at on any ground.
ON_PAPER = Look(width=WIDE, ground="#ffffff")
