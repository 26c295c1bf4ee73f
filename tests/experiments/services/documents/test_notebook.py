import json

import nbformat
import pytest
from nbclient import NotebookClient

from experiments.services.documents.notebook import notebook_data, notebook_of
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.experiments.services.documents.counted_metrics import (
    KINDS,
    SHOWN_ONLY,
    make_counted,
)


def run_here(full, *, changed=None):
    """Run the cells in this process, which is faster than a kernel; return their names."""
    cells = json.loads(notebook_of(full))["cells"]
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


def test_notebook_runs_in_a_kernel(slot):
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
