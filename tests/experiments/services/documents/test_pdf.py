import json

import pytest
import typst
from django.utils import translation

from experiments.formatting import signed_percent
from experiments.services.analysis.rollup_source import StoredCounts
from experiments.services.documents.pdf import SOURCE, inputs_of, pdf_content, pdf_of
from experiments.services.exploration.chosen_comparison import chosen_comparison
from experiments.services.reporting.full_report import full_report
from tests import factories
from tests.experiments.services.counted_experiments import concluded, count
from tests.experiments.services.documents.counted_metrics import make_counted


def n_pages(full):
    pages = typst.compile(SOURCE.read_bytes(), format="png", ppi=20, sys_inputs=inputs_of(full))
    return len(pages) if isinstance(pages, list) else 1


def numbers_of(full):
    """The figures that were set, in their order."""
    found = typst.query(SOURCE.read_bytes(), "<number>", field="value", sys_inputs=inputs_of(full))
    return json.loads(found)


def test_report_is_a_pdf_of_two_pages(slot):
    full = concluded(make_counted(slot, "clicks"))
    assert pdf_of(full).startswith(b"%PDF-")
    assert n_pages(full) == 2


def test_figures_that_are_set_are_those_of_the_report(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    numbers = numbers_of(concluded(running_experiment))
    for text in ("5.0%", "7.0%", "+40%", "p < 0.0001", "7.000%", "+40.000%", "10,000"):
        assert text in numbers, text


def test_chosen_view_is_a_table_of_the_evidence_and_keeps_two_pages(slot):
    experiment = concluded(make_counted(slot, "clicks")).report.experiment
    counts = StoredCounts(experiment)
    full = full_report(experiment=experiment, now=factories.NOW, counts=counts)
    chosen = chosen_comparison({"arm": "c", "against": "b"}, full.report, counts)
    table = pdf_content(full, chosen)["tables"][-1]
    lift = (660 / 6_000) / (720 / 6_000) - 1
    assert [row[1] for row in table["rows"]] == [signed_percent(lift, 3)] * 2
    assert "no verdict" in table["title"]
    pages = typst.compile(
        SOURCE.read_bytes(), format="png", ppi=20, sys_inputs=inputs_of(full, chosen)
    )
    assert len(pages) == 2


def test_texts_are_no_markup(running_experiment):
    count(running_experiment, (1_000, 50), (1_000, 60))
    text = '#panic("x") *bold* $x$ \\ " <b>'
    for arm in running_experiment.variants.all():
        arm.cta.wordings.update(text=text)
    full = concluded(running_experiment)
    assert pdf_content(full)["arms"][0][0] == text
    assert pdf_of(full).startswith(b"%PDF-")


@pytest.mark.parametrize(("n_arms", "most_pages"), [(1, 2), (5, 2), (20, 8)])
def test_long_wordings_and_many_arms_are_set(slot, n_arms, most_pages):
    shares = dict.fromkeys([f"arm-{n}" for n in range(n_arms)], str(1 / n_arms))
    experiment = factories.make_running_experiment(slot, "shape", shares=shares)
    for arm in experiment.variants.all():
        arm.cta.wordings.update(text=f"{arm.key} " + "ابدأ الآن " * 30)
    count(experiment, *[(1_000, 50 + n) for n in range(n_arms)])
    assert n_pages(concluded(experiment)) <= most_pages


def test_evidence_of_five_arms_and_twenty_segments_fits_on_one_page(slot):
    shares = dict.fromkeys([f"arm-{n}" for n in range(5)], "0.2")
    experiment = factories.make_running_experiment(slot, "wide", shares=shares)
    segments = [f"country={one}" for one in ("FR", "US", "DE", "ES", "IT", "GB", "BE", "NL")]
    segments += [f"locale={one}" for one in ("fr", "en", "de", "es", "it", "nl", "pt", "pl")]
    segments += ["device=mobile", "device=desktop", "new_visitor=true", "new_visitor=false"]
    for n, arm in enumerate(experiment.variants.order_by("arm")):
        factories.make_rollup(arm, visitors=8_000, clicks=800 + n)
        for segment in segments:
            factories.make_rollup(arm, visitors=1_000, clicks=100 + n, segment=segment)
    full = concluded(experiment)
    drawn = {picture["title"] for picture in pdf_content(full)["pictures"]}
    assert any("segment" in title for title in drawn)
    assert n_pages(full) == 2


def test_draft_is_a_document_too(draft):
    assert n_pages(concluded(draft)) == 2


def test_document_speaks_french(running_experiment):
    count(running_experiment, (10_000, 500), (10_000, 700))
    with translation.override("fr"):
        content = pdf_content(concluded(running_experiment))
    assert content["language"] == "fr"
    assert [fact["title"] for fact in content["facts"]][:2] == [
        "De combien\u00a0?", "Avec quelle certitude\u00a0?",
    ]  # fmt: skip
