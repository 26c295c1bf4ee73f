from experiments.models import Site
from experiments.selectors import catalogue, reports
from tests import factories


def test_sites_are_kept_apart(running_experiment, other_site):
    site = running_experiment.slot.site
    factories.make_audience(site)
    for select in (
        catalogue.ctas_of,
        catalogue.audiences_of,
        catalogue.slots_of,
        reports.experiments_for_report,
    ):
        assert select(sites=Site.objects.filter(pk=site.pk)).exists()
        assert not select(sites=Site.objects.filter(pk=other_site.pk)).exists()


def test_site_is_found_by_a_slot_and_by_an_experiment(running_experiment):
    site = running_experiment.slot.site
    assert catalogue.site_of_slot(running_experiment.slot_id) == site
    assert catalogue.site_of_experiment(running_experiment.pk) == site
    assert catalogue.site_of_slot(0) is None
    assert catalogue.site_of_experiment(0) is None
