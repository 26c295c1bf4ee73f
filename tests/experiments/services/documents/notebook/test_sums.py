"""Sums of the notebook: by day, phase and arm, they add up to those of the report."""

from experiments.services.documents.notebook.sums import notebook_data
from tests.experiments.services.counted_experiments import concluded
from tests.experiments.services.documents.counted_metrics import make_counted


def test_sums_are_those_of_the_report(slot):
    data = notebook_data(concluded(make_counted(slot, "value-per-click")))
    place = data["sums"]["columns"].index("denominator_sum")
    of_arms = [sum(row[place] for row in data["sums"]["rows"] if row[2] == arm) for arm in range(3)]
    assert (data["kind"], of_arms) == ("ratio", [800, 940, 860])


def test_phases_are_kept_apart(slot):
    data = notebook_data(concluded(make_counted(slot, "clicks-phases")))
    phases = [row[:3] for row in data["sums"]["rows"]]
    assert phases == [[day, day, arm] for day in (0, 1) for arm in (0, 1, 2)]
    assert data["plan"]["shares"] == [[0.4, 0.3, 0.3], [0.2, 0.4, 0.4]]


def test_days_after_the_end_of_a_fixed_plan_are_left_out(slot):
    experiment = make_counted(slot, "clicks-fixed")
    type(experiment).objects.filter(pk=experiment.pk).update(planned_visitors=9_000)
    data = notebook_data(concluded(experiment))
    assert len(data["looks"]) == 1
    assert sum(row[3] for row in data["sums"]["rows"]) == 10_000
