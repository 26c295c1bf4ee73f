"""Rows of each kind of picture."""

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
NAMES = ("Get <started> & go", "ابدأ الآن")
VALUES = [
    {"day": day, "series": name, "value": 0.05 + 0.01 * index}
    for index, day in enumerate(DAYS)
    for name in NAMES
]
MARKS = [{"day": "2026-11-21", "text": "proven"}]
ROWS = {
    "forest": (
        [
            {"name": NAMES[0], "low": -0.1, "value": 0.2, "high": 0.5},
            {"name": NAMES[1], "low": None, "value": 0.1, "high": 1e9},
            {"name": "nothing", "low": None, "value": None, "high": None},
        ],
        {},
    ),
    "bands": ([row | {"low": -0.2, "high": 0.4} for row in VALUES], {"marks": MARKS}),
    "lines": (VALUES, {"marks": MARKS}),
    "stacked_days": (VALUES, {"marks": MARKS}),
    "stacked_shares": ([row | {"value": 0.5} for row in VALUES], {}),
    "densities": ([{"x": x, "series": "a", "value": x} for x in (0.05, 0.06)], {}),
    "funnel": (
        [
            {"step": step, "series": name, "value": value, "text": f"{value}"}
            for step, value in (("Saw it", 1.0), ("Clicked", 0.05))
            for name in NAMES
        ],
        {},
    ),
}  # fmt: skip
