"""Annotations: their limits, the history, and their places in pictures and JSON."""

from datetime import timedelta

import pytest

from experiments.models import Annotation
from experiments.services.documents.drawn.report_pictures import report_pictures
from experiments.services.exploration.annotations import (
    CannotAnnotateError,
    annotate,
    remove_annotation,
)
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW

DAYS = [(NOW - timedelta(days=back)).date() for back in (3, 2, 1)]


@pytest.fixture
def experiment(slot):
    row = factories.make_running_experiment(slot, started_at=NOW - timedelta(days=3))
    for day in DAYS:
        count(row, (4_000, 400), (4_000, 480), day=day)
    return row


@pytest.fixture
def occasion(owner):
    return Occasion(now=NOW, author=owner)


def write(experiment, occasion, text="The sale began", day=DAYS[1]):
    return annotate(experiment=experiment, day=str(day), text=text, occasion=occasion)


def test_annotation_has_its_day_author_and_line_of_the_history(experiment, occasion, owner):
    row = write(experiment, occasion, "  The sale\n began ")
    assert (row.text, row.day, row.author, row.created_at) == (
        "The sale began",
        DAYS[1],
        owner,
        NOW,
    )
    change = experiment.changes.first()
    assert (change.kind, change.author) == ("annotate", owner)
    assert change.note == f"{DAYS[1]} The sale began"


def test_removed_annotation_stays_in_the_history(experiment, occasion):
    row = write(experiment, occasion)
    copy = Annotation.objects.get()
    assert remove_annotation(annotation=row, occasion=occasion)
    assert Annotation.objects.count() == 0
    assert not remove_annotation(annotation=copy, occasion=occasion)
    notes = list(experiment.changes.filter(kind="unannotate").values_list("note", flat=True))
    assert notes == [f"{DAYS[1]} The sale began"]


@pytest.mark.parametrize(
    ("text", "day", "fields"),
    [
        ("", DAYS[1], {"text"}),
        ("  \n ", DAYS[1], {"text"}),
        ("x" * 301, DAYS[1], {"text"}),
        ("Go", NOW.date() + timedelta(days=1), {"day"}),
        ("Go", DAYS[0] - timedelta(days=1), {"day"}),
        ("Go", "the day before", {"day"}),
        ("", "", {"day", "text"}),
    ],
)
def test_limits_are_named_by_field(experiment, occasion, text, day, fields):
    with pytest.raises(CannotAnnotateError) as refusal:
        write(experiment, occasion, text, day)
    assert set(refusal.value.faults) == fields
    assert Annotation.objects.count() == 0


def test_first_and_last_day_may_be_annotated(experiment, occasion):
    for day in (DAYS[0], NOW.date()):
        assert write(experiment, occasion, day=day).day == day


def test_draft_is_not_annotated(draft, occasion):
    with pytest.raises(CannotAnnotateError, match="Choose a day"):
        write(draft, occasion)


def test_there_are_a_hundred_at_most(experiment, occasion):
    rows = [
        Annotation(experiment=experiment, day=DAYS[0], text="x", created_at=NOW)
        for _ in range(100)
    ]  # fmt: skip
    Annotation.objects.bulk_create(rows)
    with pytest.raises(CannotAnnotateError, match="100 annotations already"):
        write(experiment, occasion)


def test_pictures_over_days_have_the_numbers_of_annotations(experiment, occasion):
    plain = {picture.name: picture for picture in report_pictures(concluded(experiment))}
    write(experiment, occasion, "Second", DAYS[2])
    write(experiment, occasion, "First", DAYS[0])
    # Today has no visitor yet, and no place on the axis.
    write(experiment, occasion, "Third", NOW.date())
    shown = {picture.name: picture for picture in report_pictures(concluded(experiment))}
    for name in ("sequence", "cumulative-rates", "daily-rates", "visitors"):
        marks = [
            (mark["day"], mark["text"])
            for mark in shown[name].options["marks"]
            if mark not in plain[name].options.get("marks", ())
        ]
        assert marks == [(DAYS[0].isoformat(), "1"), (DAYS[2].isoformat(), "2")], name
        assert "1 (19 Nov 2026): First 2 (21 Nov 2026): Second" in shown[name].words
        assert shown[name].digest != plain[name].digest
    assert shown["lifts"] == plain["lifts"]


def test_annotations_are_in_the_json(experiment, occasion, owner):
    write(experiment, occasion)
    assert report_as_json(concluded(experiment))["annotations"] == [
        {
            "day": DAYS[1],
            "text": "The sale began",
            "author": owner.get_username(),
            "created_at": NOW,
        }
    ]
