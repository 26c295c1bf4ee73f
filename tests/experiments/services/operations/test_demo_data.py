from datetime import UTC, datetime, timedelta

import pytest

from experiments.models import CTA, Audience, Experiment, HistoryArm, Rollup, Site
from experiments.selectors import reports
from experiments.services.analysis.report import report_of
from experiments.services.operations import demo_data
from experiments.services.serving.evaluation import evaluate_slot, site_of_key
from experiments.services.serving.snapshot import build_snapshot
from tests import factories

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def reported(key):
    experiment = reports.experiments_for_report().get(key=key)
    return report_of(experiment=experiment, now=NOW)


def test_library_test_has_the_published_rates(demo_site):
    """Rates as published: Young (2014), doi:10.15788/m2rp42."""
    rates = {arm.text: round(100 * arm.rate, 3) for arm in reported("msu-library-2013").arms}
    assert rates == {
        "Interact": 0.408,
        "Connect": 1.933,
        "Learn": 0.764,
        "Help": 1.195,
        "Services": 2.180,
    }


def test_library_test_has_the_known_test_statistics(demo_site):
    report = reported("msu-library-2013")
    assert report.omnibus.statistic == pytest.approx(96.743, abs=5e-4)
    assert report.omnibus.dof == 4
    adjusted = [row.fixed.p_value_adjusted for row in report.comparisons]
    assert adjusted == pytest.approx([2.3e-16, 0.0169, 9.1e-7, 6.4e-18], rel=0.03)


def test_library_test_raises_the_alarm_about_its_split(demo_site):
    assert reported("msu-library-2013").srm.is_mismatch


def test_library_test_names_its_source(demo_site):
    source = Experiment.objects.get(key="msu-library-2013").source
    assert "doi:10.15788/m2rp42" in source
    assert "CC BY-SA 4.0" in source


@pytest.mark.parametrize("key", ["demo-client-key", "demo-server-key"])
def test_live_test_is_served_in_french_and_in_english(demo_site, key):
    site = site_of_key(build_snapshot(revision=1, now=NOW), key)
    french = evaluate_slot(site, "hero-signup", visitor="v-1", attributes={})
    english = evaluate_slot(site, "hero-signup", visitor="v-1", attributes={"locale": "en-GB"})
    assert french.experiment == english.experiment == "hero-signup-fr"
    assert french.variant == english.variant
    assert (french.value["locale"], english.value["locale"]) == ("fr", "en")


def test_arms_of_the_live_test_differ_in_wording_only(demo_site):
    ctas = CTA.objects.filter(variants__experiment__key="hero-signup-fr")
    looks = ctas.values_list("form", "destination", "background_color", "text_color", "size")
    assert len(ctas) == 4
    assert len(set(looks)) == 1


def test_catalogue_has_every_form(demo_site):
    assert set(CTA.objects.values_list("form", flat=True)) == {"button", "link", "spoken"}


def test_every_row_of_the_demo_keeps_to_the_models_rules(demo_site):
    for model in (Site, CTA, Audience, Experiment):
        for row in model.objects.all():
            row.full_clean()


def test_past_tests_are_marked_as_simulated(demo_site):
    assert HistoryArm.objects.count() == HistoryArm.objects.filter(is_simulated=True).count() > 150
    audiences = set(HistoryArm.objects.values_list("audience", flat=True))
    assert audiences <= set(demo_site.audiences.values_list("key", flat=True))


def test_demo_is_loaded_once(demo_site, tmp_path):
    before = [model.objects.count() for model in (CTA, Experiment, Rollup, HistoryArm)]
    demo_site.name = "Renamed by its owner"
    demo_site.save()
    assert demo_data.load_demo(work_dir=tmp_path, now=NOW) is False
    assert [model.objects.count() for model in (CTA, Experiment, Rollup, HistoryArm)] == before
    assert Site.objects.get().name == "Renamed by its owner"


def test_demo_is_loaded_whole_or_not_at_all(db, tmp_path):
    with pytest.raises(OSError, match="absent"):
        demo_data.load_demo(work_dir=tmp_path / "absent", now=NOW)
    assert not Site.objects.exists()


def test_live_test_waits_until_its_visitors_have_come(demo_site):
    experiment = demo_data.live_test_without_visitors(2)
    arm = experiment.variants.first()
    for number, visitor in enumerate(["sim-1-0", "sim-1-0", "v-1", "sim-1-1"]):
        assert demo_data.live_test_without_visitors(2) == experiment, number
        factories.make_event(arm, visitor=visitor)
    assert demo_data.live_test_without_visitors(2) is None


def test_live_test_that_was_stopped_gets_no_visitors(demo_site):
    Experiment.objects.filter(key="hero-signup-fr").update(status="paused")
    assert demo_data.live_test_without_visitors(1) is None


def test_live_test_began_long_enough_ago_for_its_simulated_visitors(demo_site):
    age = datetime.now(UTC) - Experiment.objects.get(key="hero-signup-fr").started_at
    assert timedelta(days=demo_data.LIVE_TEST_DAYS) <= age < timedelta(days=30)
