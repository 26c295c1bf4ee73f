"""A ranking as a table for a spreadsheet: each wording with its chance and the reason beside it."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from experiments.services.learning.ranking_presentation import ranking_in_words
from tables.writing import Column, Value, WrittenTable, decimal_mark, write_csv

Format = Literal["csv", "xlsx"]
FORMATS: tuple[str, ...] = get_args(Format)


def ranking_file(
    outcome: Mapping[str, Any], request: Mapping[str, Any], *, file_format: Format
) -> bytes:
    """Return a ranking as CSV or as a workbook, in the active language.

    Args:
        outcome: Answer of the predictor, as the job keeps it.
        request: What it was asked.
        file_format: In French a CSV has semicolons and decimal commas.
    """
    table = ranking_table(outcome, request)
    if file_format == "xlsx":
        from tables.workbook_writing import write_workbook  # noqa: PLC0415

        return write_workbook([table])
    return write_csv(table, decimal=decimal_mark(get_language() or ""))


def ranking_table(outcome: Mapping[str, Any], request: Mapping[str, Any]) -> WrittenTable:
    """Return the wordings of a ranking, best first."""
    ranking = ranking_in_words(outcome, request)
    columns = (
        Column(key="rank", title=_("Rank"), kind="count"),
        Column(key="wording", title=_("Wording")),
        Column(key="is_control", title=_("current wording")),
        Column(key="chance", title=_("Chance to beat the control"), kind="fraction"),
        Column(key="lift", title=_("Expected lift"), kind="fraction"),
        Column(key="lift_low", title=_("Lift, lower end"), kind="fraction"),
        Column(key="lift_high", title=_("Lift, upper end"), kind="fraction"),
        Column(key="words", title=_("Words with the largest effects")),
        Column(key="reason", title=_("Reason without a prediction")),
    )
    return WrittenTable(
        key="ranking",
        title=_("Ranking of wordings"),
        columns=columns,
        rows=[_row(row) for row in ranking["wordings"]],
    )


def _row(row: Mapping[str, Any]) -> tuple[Value, ...]:
    lift = row["lift"] or {}
    return (
        row["rank"],
        row["text"],
        _("yes") if row["is_control"] else "",
        None if row["is_control"] else row["chance"],
        lift.get("expected"),
        lift.get("low"),
        lift.get("high"),
        _words(row),
        row["reason"] or "",
    )


def _words(row: Mapping[str, Any]) -> str:
    """Return the words that move the click rate most, the strongest first."""
    moving = [each for each in row.get("words") or () if each["effect"]]
    ordered = sorted(moving, key=lambda each: -abs(each["effect"]))
    return ", ".join(f"{each['word']} ({each['effect']:+.3f})" for each in ordered[:3])
