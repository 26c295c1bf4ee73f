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
        assert select(site=site).exists()
        assert not select(site=other_site).exists()
