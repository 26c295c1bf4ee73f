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
    "calendar": (
        [
            {"name": NAMES[0], "from": "2026-11-01", "to": "2026-11-20", "series": "Running"},
            {"name": NAMES[1], "from": "2026-11-10", "to": "2026-12-20", "series": "Planned"},
            {"name": NAMES[0], "from": "2026-11-10", "to": "2026-11-20", "series": "Running",
             "shared": True},
        ],
        {"span": {
            "first": "2026-10-01", "end": "2027-01-01", "kinds": ["Planned", "Running"],
            "today": {"day": "2026-11-15", "text": "today"},
        }},
    ),
    "tallies": (
        [
            {"step": step, "series": name, "value": 2, "text": "2"}
            for step in ("below 0", "0 and above")
            for name in NAMES
        ],
        {},
    ),
    "coverage": (
        [{"x": x, "low": 0.6, "value": 0.9 - 0.2 * x, "high": 0.95} for x in (0.1, 1.0)],
        {"y_title": "Better wording picked"},
    ),
    "reliability": (
        [{"low": 0.5, "high": 0.7, "won": 0.45}, {"low": 0.7, "high": 0.7, "won": 0.8}],
        {"y_title": "Likelier wording won"},
    ),
    "curves": (
        [
            {"x": x, "series": name, "low": 0.5, "value": 0.6, "high": 0.7}
            for name in NAMES
            for x in (25, 100)
        ],
        {"y_title": "Better wording picked"},
    ),
}  # fmt: skip
