import json
from datetime import timedelta

import pytest

from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.documents.notebook import notebook_data, notebook_of
from experiments.services.exploration.chosen_comparison import chosen_comparison
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.experiments.services.documents.counted_metrics import (
    KINDS,
    SHOWN_ONLY,
    make_counted,
)
from tests.factories import NOW


def run_here(full, chosen=None, *, changed=None):
    """Run the cells in this process, which is faster than a kernel; return their names."""
    cells = json.loads(notebook_of(full, chosen))["cells"]
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(cell["source"], names)  # noqa: S102
            if changed and "report" in names and "arms" not in names:
                changed(names["report"])
    return names


@pytest.mark.parametrize("kind", KINDS)
def test_figures_are_computed_anew_by_public_libraries(slot, kind):
    full = concluded(make_counted(slot, kind))
    computed = run_here(full)["computed"]
    assert computed.empty == (kind in SHOWN_ONLY)
    if kind not in SHOWN_ONLY:
        row = full.report.comparisons[0].fixed
        assert computed.loc["b", "lift"] == pytest.approx(row.comparison.lift)
        assert computed.loc["b", "p_value_adjusted"] == pytest.approx(row.p_value_adjusted)


@pytest.mark.parametrize("name", ["lift", "p_value_adjusted"])
def test_figure_that_is_not_the_reports_is_named(running_experiment, name):
    count(running_experiment, (4_000, 400), (4_000, 440))
    full = concluded(running_experiment)

    def change(report):
        report["reported"][0][name] *= 1.01

    with pytest.raises(AssertionError, match=f"{name} of b"):
        run_here(full, changed=change)


def chosen_of(full, **query):
    """The comparison that an address chooses of this report, as its page makes it."""
    names = {"from_day": "from", "to_day": "to"}
    query = {names.get(name, name): value for name, value in query.items()}
    return chosen_comparison(query, full.report, StoredCounts(full.report.experiment))


def with_segment(experiment):
    """The same experiment, with a part of its visitors on phones."""
    for row in list(experiment.rollups.all()):
        row.pk, row.segment = None, "device=mobile"
        row.visitors, row.clicking_visitors = row.visitors // 2, row.clicking_visitors // 3
        row.save()
    return experiment


DAY = (NOW - timedelta(days=1)).date().isoformat()
VIEWS = [
    {"arm": "c", "against": "b"},
    {"arm": "b", "segment": "device=mobile", "reading": "fixed"},
    {"arm": "c", "from_day": DAY, "to_day": DAY},
]


@pytest.mark.parametrize("view", VIEWS, ids=["arms", "segment", "day"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SHOWN_ONLY])
def test_chosen_view_is_computed_anew_by_public_libraries(slot, kind, view):
    full = concluded(with_segment(make_counted(slot, kind)))
    chosen = chosen_of(full, **view)
    computed = run_here(full, chosen)["view_computed"]
    assert chosen.is_adjusted == kind.endswith("cuped")
    assert computed["lift"] == pytest.approx(chosen.fixed.lift)
    assert computed["p_value"] == pytest.approx(chosen.fixed.p_value)


@pytest.mark.parametrize("kind", ["clicks-cuped", "value-cuped", "value-per-click-cuped"])
def test_view_without_cuped_is_computed_without_it(slot, kind):
    full = concluded(make_counted(slot, kind))
    computed, adjusted = (
        run_here(full, chosen_of(full, arm="b", cuped=cuped))["view_computed"]["effect"]
        for cuped in ("off", "on")
    )
    assert computed == pytest.approx(chosen_of(full, arm="b", cuped="off").fixed.effect)
    assert computed != pytest.approx(adjusted)


def test_views_other_metric_is_computed_anew(slot):
    experiment = make_counted(slot, "value")
    experiment.secondary_metrics.create(metric="click_rate")
    full = concluded(experiment)
    chosen = chosen_of(full, arm="b", metric="click_rate")
    computed = run_here(full, chosen)["view_computed"]
    assert computed["lift"] == pytest.approx(chosen.fixed.lift)
    assert chosen.fixed.lift != pytest.approx(full.report.comparisons[0].fixed.comparison.lift)


@pytest.mark.parametrize("name", ["effect", "lift", "p_value"])
def test_figure_that_is_not_the_views_is_named(slot, name):
    full = concluded(make_counted(slot, "clicks"))

    def change(report):
        report["view"]["fixed"][name] *= 1.01

    with pytest.raises(AssertionError, match=name):
        run_here(full, chosen_of(full, arm="c", against="b"), changed=change)


@pytest.mark.parametrize("view", [{"arm": "b", "reading": "sequential"}, {"arm": "b"}])
def test_view_without_plain_sums_is_shown(slot, view):
    kind = "clicks" if "reading" in view else "clicks-phases"
    full = concluded(make_counted(slot, kind))
    names = run_here(full, chosen_of(full, **view))
    assert names["view"]["days"] == []
    assert names["view"]["sequential"]["p_value"] is not None


def test_notebook_runs_in_a_kernel(slot):
    # Three seconds of a core: of one worker, not of each that collects.
    import nbformat  # noqa: PLC0415
    from nbclient import NotebookClient  # noqa: PLC0415

    notebook = nbformat.reads(notebook_of(concluded(make_counted(slot, "value"))), as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "p_value_adjusted" in str(notebook.cells[-1].outputs)


@pytest.mark.parametrize("shares", [{"control": "1"}, None])
def test_notebook_without_visitors_runs(slot, shares):
    experiment = factories.make_running_experiment(slot, "empty", shares=shares)
    assert run_here(concluded(experiment))["computed"].empty


def test_wordings_are_data_and_not_code(running_experiment):
    text = '"""\'\'\' + __import__("os").abort() # \\'
    for arm in running_experiment.variants.all():
        arm.cta.wordings.update(text=text)
    names = run_here(concluded(running_experiment))
    assert names["report"]["arms"][0]["text"] == text


def test_sums_are_those_of_the_report(slot):
    data = notebook_data(concluded(make_counted(slot, "value-per-click")))
    assert data["kind"] == "ratio"
    assert data["sums"]["denominator_sum"] == [800, 940, 860]
