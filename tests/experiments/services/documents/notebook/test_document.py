"""Notebook: figures by public libraries are the report's, offline, and in clear sentences."""

import copy
import json
import subprocess
import sys
from datetime import timedelta

import pytest

from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.documents.notebook.document import notebook_of
from experiments.services.exploration.chosen_comparison import chosen_comparison
from experiments.services.reporting.report_json import report_as_json
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.experiments.services.documents.counted_metrics import HARD_KINDS, KINDS, make_counted
from tests.factories import NOW

# What the JSON report holds, and what the notebook does of it: a new part has to be named here.
COMPUTED_ANEW = {"arms", "comparisons", "omnibus", "srm", "phases", "plan_state"}
COUNTED = {"days", "left_out", "quarantined_visitors", "repeated_orders", "bursts", "currencies"}
WRITTEN = {
    *("experiment", "name", "slot", "audience", "status", "metric", "goal", "alpha", "value_cap"),
    *("planned_visitors", "planned_visitors_basis", "origin", "source", "started_at", "stopped_at"),
    *("plan", "ends_when_planned", "strict_guardrails", "time_zone", "days_in", "verdict_needs"),
    *("as_of", "verdict", "decision", "annotations", "meetings", "missing_goals", "plan_review"),
    *("code_version",),
}
# Of these the notebook says that it does not compute them.
NOT_COMPUTED = {"guardrails", "secondary_metrics", "insights", "interactions", "slot_plans"}
# Beliefs: the chances under a flat prior are computed; CUPED: its figures, not the share explained.
PARTLY = {"beliefs", "cuped", "gains"}


def code_of(full, chosen=None):
    cells = json.loads(notebook_of(full, chosen))["cells"]
    return [cell["source"] for cell in cells if cell["cell_type"] == "code"]


def run_here(full, chosen=None, *, changed=None):
    """Run the cells in this process, which is faster than a kernel; return their names."""
    names = {}
    for source in code_of(full, chosen):
        exec(source, names)  # noqa: S102
        if changed and "report" in names and "arms" not in names:
            changed(names["report"])
    return names


def numbers_in(node, path=()):
    """The paths of the numbers of a tree of JSON."""
    if isinstance(node, dict | list):
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            yield from numbers_in(value, (*path, key))
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield path


def with_another(report, path):
    """The same data, with one number a little larger than it was."""
    changed = copy.deepcopy(report)
    *way, last = path
    place = changed
    for key in way:
        place = place[key]
    place[last] = place[last] * 1.01 + 1e-6
    return changed


@pytest.mark.parametrize("kind", [*KINDS, *HARD_KINDS])
def test_every_reading_is_computed_anew_by_public_libraries(slot, kind):
    full = concluded(make_counted(slot, kind))
    computed = run_here(full)["computed"]
    for row in full.report.comparisons:
        key = full.report.arms[row.arm].key
        for name in ("fixed", "anytime", "unadjusted"):
            reading = getattr(row, name)
            assert (name in computed) == (reading is not None)
            if reading is None or reading.p_value_adjusted is None:
                continue
            ours = computed[name].loc[key]
            assert ours["p_value_adjusted"] == pytest.approx(
                reading.p_value_adjusted, rel=1e-6, abs=1e-9
            )
            assert ours["lift"] == pytest.approx(reading.comparison.lift)


@pytest.mark.parametrize("kind", ["clicks-planned", "clicks-cuped", "clicks-fixed"])
def test_no_figure_of_the_report_may_differ_unseen(slot, kind):
    full = concluded(make_counted(slot, kind))
    names, check = run_here(full), code_of(full)[-1]
    report = names["report"]
    told = [("reported", *path) for path in numbers_in(report["reported"])]
    told = [path for path in told if "decisive" not in path]
    told += [("omnibus", "p_value"), ("split", "p_value")]
    told += [("chance_of_best", *path) for path in numbers_in(report["chance_of_best"])]
    assert len(told) > 20
    unseen = []
    for path in told:
        place = dict(names) | {"report": with_another(report, path)}
        place["split"] = place["report"]["split"]
        try:
            exec(check, place)  # noqa: S102
        except AssertionError:
            continue
        unseen.append(path)
    assert unseen == []


@pytest.mark.parametrize("place", [("rate",), ("interval", 0), ("interval", 1)])
def test_rate_that_is_not_the_reports_is_named(slot, place):
    def change(report):
        report["arms"][1] = with_another(report["arms"][1], place)

    with pytest.raises(AssertionError, match="rate of b"):
        run_here(concluded(make_counted(slot, "clicks")), changed=change)


def test_every_part_of_the_report_is_computed_or_named(slot):
    parts = set(report_as_json(concluded(make_counted(slot, "clicks"))))
    known = COMPUTED_ANEW | COUNTED | WRITTEN | NOT_COMPUTED | PARTLY
    assert parts <= known


@pytest.mark.parametrize("name", ["lift", "p_value_adjusted"])
def test_figure_that_is_not_the_reports_is_named(running_experiment, name):
    count(running_experiment, (4_000, 400), (4_000, 440))
    full = concluded(running_experiment)

    def change(report):
        report["reported"][0]["anytime"][name] *= 1.01

    with pytest.raises(AssertionError, match=f"{name} of b, anytime"):
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
@pytest.mark.parametrize("kind", KINDS)
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


def test_view_without_a_reading_for_one_look_is_shown(slot):
    full = concluded(make_counted(slot, "clicks"))
    names = run_here(full, chosen_of(full, arm="b", reading="sequential"))
    assert (names["view"]["sums"], names["view_computed"]) == (None, {})
    assert names["view"]["sequential"]["p_value"] is not None


def test_notebook_runs_in_a_kernel(slot):
    # Three seconds of a core: of one worker, not of each that collects.
    import nbformat  # noqa: PLC0415
    from nbclient import NotebookClient  # noqa: PLC0415

    notebook = nbformat.reads(notebook_of(concluded(make_counted(slot, "value"))), as_version=4)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert "p_value_adjusted" in str(notebook.cells[-1].outputs)


def run_apart(full, *, before):
    """Run the cells in a Python of its own that knows nothing of this service."""
    lines = [before, *code_of(full), "import sys", "assert 'django' not in sys.modules"]
    script = "\n".join(lines)
    return subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, timeout=120
    )


OFFLINE = """
import socket
def refuse(*args, **kwargs):
    raise OSError("there is no network")
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
"""


def test_notebook_runs_without_a_network(slot):
    run = run_apart(concluded(make_counted(slot, "clicks-phases")), before=OFFLINE)
    assert (run.returncode, run.stderr) == (0, "")


def test_missing_library_is_named_without_a_traceback(slot):
    full = concluded(make_counted(slot, "clicks"))
    run = run_apart(full, before="import sys; sys.modules['statsmodels'] = None")
    assert run.returncode == 1
    assert "pip install numpy pandas scipy statsmodels" in run.stderr
    assert "statsmodels" in run.stderr.partition("Missing: ")[2]
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("shares", [{"control": "1"}, None])
def test_notebook_without_visitors_says_so(slot, shares, capsys):
    experiment = factories.make_running_experiment(slot, "empty", shares=shares)
    assert run_here(concluded(experiment))["computed"] == {}
    assert "there is nothing to compute" in capsys.readouterr().out


def test_draft_has_a_notebook(draft, capsys):
    assert run_here(concluded(draft))["computed"] == {}
    assert "there is nothing to compute" in capsys.readouterr().out


@pytest.mark.parametrize("counts", [(400, 0), (0, 300), (1, 1)])
def test_arm_that_nobody_or_one_saw_is_no_traceback(running_experiment, counts):
    count(running_experiment, *((n, n // 10) for n in counts))
    run_here(concluded(running_experiment))


def test_wordings_are_data_and_not_code(running_experiment):
    text = '"""\'\'\' + __import__("os").abort() # \\'
    for arm in running_experiment.variants.all():
        arm.cta.wordings.update(text=text)
    names = run_here(concluded(running_experiment))
    assert names["report"]["arms"][0]["text"] == text
