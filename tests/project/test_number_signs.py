"""Separators of thousands: people read those of their language, not those of Python."""

import ast
from collections.abc import Iterator

PACKAGES = ("accounts", "ctaopt_django", "experiments", "ml", "tables")
# English whatever the language: consoles, the core of statistics, documents of the API.
ENGLISH = (
    "experiments/api/v1/analyze_schema.py",
    "experiments/management/",
    "experiments/services/deployment/",
    "experiments/services/installation/",
    "experiments/services/operations/site_transfer.py",
    "experiments/stats/engine/request.py",
    "experiments/stats/estimation/messages.py",
    "ml/encoders/installation.py",
    "ml/management/",
    # Details for developers: pages have a sentence of their own for each problem.
    "tables/",
    # Its `count` puts the language's separator in the place of the comma.
    "experiments/formatting.py",
)


def english_numbers(source: str) -> Iterator[int]:
    """Yield the lines that group digits by commas: an f-string, `format`, or a template of it."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=parts)):
                written = "".join(str(one.value) for one in parts if isinstance(one, ast.Constant))
            case ast.Call(func=ast.Name(id="format"), args=[_, ast.Constant(value=str(written))]):
                pass
            case ast.Constant(value=str(text)) if "{:," in text:
                written = ","
            case _:
                continue
        if "," in written:
            yield node.lineno


def test_every_way_to_group_digits_by_commas_is_found():
    assert list(english_numbers('f"{n:,}"')) == [1]
    assert list(english_numbers('f"{n:,.1f}"')) == [1]
    assert list(english_numbers('format(n, ",")')) == [1]
    assert list(english_numbers('"{:,}".format(n)')) == [1]
    assert list(english_numbers('f"{n:.1f}, {m}"')) == []


def test_numbers_for_people_have_the_separators_of_their_language(pytestconfig):
    root = pytestconfig.rootpath
    found = {
        f"{path.relative_to(root).as_posix()}:{line}"
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        for line in english_numbers(path.read_text())
    }
    assert {one for one in found if not one.startswith(ENGLISH)} == set()
    assert [name for name in ENGLISH if not any(one.startswith(name) for one in found)] == []
