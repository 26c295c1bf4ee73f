import json

from experiments.services.documents.drawn.picture import Picture, names_of_arms
from tests import factories
from tests.experiments.services.counted_experiments import reported


def make_picture(**changes):
    values = {
        "name": "lifts", "kind": "forest", "title": "Lifts", "words": "None.",
        "columns": (("name", "Wording"), ("value", "Lift")),
        "rows": [{"name": "a", "low": None, "value": 0.1, "high": float("inf")}],
        "options": {"title": "Lift"},
    }  # fmt: skip
    return Picture(**(values | changes))


def test_digest_is_that_of_what_is_drawn():
    assert make_picture().digest == make_picture(words="Some.").digest
    assert make_picture().digest != make_picture(rows=[]).digest
    assert make_picture().digest != make_picture(options={"title": "Gain"}).digest


def test_release_that_draws_otherwise_has_another_digest(monkeypatch):
    """Caches keep a picture by its digest for a month, browsers too."""
    before = make_picture().digest
    monkeypatch.setattr(
        "experiments.services.documents.drawn.picture.drawing_code", lambda: "other"
    )
    assert make_picture().digest != before


def test_open_ends_are_json():
    assert json.loads(json.dumps(make_picture().as_json(), allow_nan=False))["rows"][0]["high"] > 1


def test_table_has_the_columns_in_order():
    assert make_picture().table() == [["a", "0.100000"]]
    rows = [{"name": None, "value": float("-inf")}, {"name": 1_200, "value": 1.0}]
    assert make_picture(rows=rows).table() == [["-", "\u2212∞"], ["1,200", "1.000000"]]


def test_arms_that_say_the_same_are_told_apart(running_experiment):
    for arm in running_experiment.variants.all():
        arm.cta.wordings.update(text="Go" + " on" * 40)
    names = names_of_arms(reported(running_experiment))
    assert [name.rpartition(" ")[2] for name in names] == ["(control)", "(b)"]
    assert all(len(name) < 100 for name in names)


def test_arms_are_called_by_their_wordings(slot):
    experiment = factories.make_running_experiment(slot, "named")
    assert names_of_arms(reported(experiment)) == ["named control", "named b"]


def test_lifts_and_rates_of_a_table_have_their_unit():
    columns = (("low", "Low"), ("value", "Lift"), ("high", "High"), ("rate", "Rate"))
    rows = [{"low": -0.950769, "value": 44.765476, "high": float("inf"), "rate": 0.5}]
    rows.append({"low": None, "value": 0.0, "high": 1e-5, "rate": 1})
    units = {"low": "lift", "value": "lift", "high": "lift", "rate": "rate"}
    assert make_picture(columns=columns, rows=rows, units=units).table() == [
        ["\u221295.1%", "+4,476.5%", "+∞", "50.00%"],
        ["-", "0.0%", "+0.0%", "100.00%"],
    ]
