"""Looks of a picture: width and colours; what is drawn does not depend on them."""

from dataclasses import dataclass
from typing import Any

WIDE, NARROW = 680, 330


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Look of a picture: its width in pixels, and a light or dark ground."""

    width: int
    is_dark: bool = False

    @property
    def is_narrow(self) -> bool:
        return self.width < 480

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
    def accent(self) -> str:
        return self.series_colours[1]

    @property
    def muted(self) -> str:
        return "#a9b1bb" if self.is_dark else "#57606a"

    def config(self) -> dict[str, Any]:
        """Return the part of a specification that is the same for all pictures."""
        text = "#e5e7eb" if self.is_dark else "#1f2937"
        grid = "#3a424d" if self.is_dark else "#dfe3e8"
        size = 11 if self.is_narrow else 12
        return {
            "background": "transparent",
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
                "labelLimit": 110 if self.is_narrow else 210,
            },
            "legend": {
                "labelColor": text,
                "titleColor": text,
                "labelFontSize": size,
                "labelLimit": self.width - 70,
                "orient": "bottom",
                "columns": 1 if self.is_narrow else 2,
                "symbolSize": 80,
                "symbolStrokeWidth": 2,
            },
            "text": {"color": text, "fontSize": size},
        }


LOOKS = {
    "wide": Look(width=WIDE),
    "narrow": Look(width=NARROW),
    "wide-dark": Look(width=WIDE, is_dark=True),
    "narrow-dark": Look(width=NARROW, is_dark=True),
}
