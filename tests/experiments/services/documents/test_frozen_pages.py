"""Pages of frozen reports: what they keep, in every language, and what they leave out."""

import json

import pytest
from django.utils import translation

from experiments.services.documents.frozen_pages import frozen_pages, frozen_svg, page_of
from experiments.services.documents.frozen_reports import canonical_text
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count


@pytest.fixture
def pages(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    return frozen_pages(concluded(running_experiment))


def test_page_is_kept_in_every_language(pages):
    assert set(pages) == {"en", "fr"}
    assert pages["en"]["first"]["lift"]["text"] == "+40%"
    assert pages["fr"]["first"]["lift"]["text"] == "+40\N{NO-BREAK SPACE}%"
    names = [[one["name"] for one in page["pictures"]] for page in pages.values()]
    assert names[0] == names[1]
    assert names[0][0] == "lifts"


def test_page_is_plain_json(pages):
    assert json.loads(canonical_text(pages)) == pages


def test_page_of_another_language_is_the_first(pages):
    with translation.override("fr"):
        assert page_of({"page": pages}) == pages["fr"]
        assert page_of({"page": {"en": pages["en"]}}) == pages["en"]
    assert page_of({}) is None


def test_picture_is_drawn_from_what_was_kept(pages):
    svg = frozen_svg({"page": pages}, "lifts", look="narrow-dark")
    assert svg.startswith("<svg")
    assert "hero-test b" in svg
    assert frozen_svg({"page": pages}, "none", look="wide") is None
    assert frozen_svg({}, "lifts", look="wide") is None


@pytest.mark.parametrize("shares", [{"control": "1"}, None])
def test_experiment_without_visitors_has_a_page(slot, shares):
    experiment = factories.make_running_experiment(slot, "empty", shares=shares)
    page = frozen_pages(concluded(experiment))["en"]
    assert page["first"]["lift"] is None
    assert len(page["arms"]) == experiment.variants.count()


def test_every_picture_is_kept_with_its_numbers(pages):
    lengths = {one["name"]: len(one["rows"]) for one in pages["en"]["pictures"]}
    assert len(lengths) > 2
    assert {one["name"]: len(one["table"]) for one in pages["en"]["pictures"]} == lengths


def test_numbers_of_a_very_long_picture_are_left_out(pages, running_experiment, monkeypatch):
    lengths = {one["name"]: len(one["rows"]) for one in pages["en"]["pictures"]}
    most = min(lengths.values())
    monkeypatch.setattr("experiments.services.documents.frozen_pages.MOST_ROWS", most)
    page = frozen_pages(concluded(running_experiment))["en"]
    listed = {one["name"]: bool(one["table"]) for one in page["pictures"]}
    assert listed == {name: length == most for name, length in lengths.items()}
    assert set(listed.values()) == {True, False}


def test_picture_of_a_kind_or_look_that_is_no_more_is_none(pages):
    assert frozen_svg({"page": pages}, "lifts", look="huge") is None
    (lifts,) = (one for one in pages["en"]["pictures"] if one["name"] == "lifts")
    lifts["kind"] = "of long ago"
    assert frozen_svg({"page": pages}, "lifts", look="wide") is None
