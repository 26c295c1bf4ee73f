import pytest

from experiments.models import (
    Experiment,
    Guardrail,
    SecondaryMetric,
)
from tests import factories


@pytest.fixture
def sale(running_experiment):
    """A second experiment of the shop, on slot `footer`, whose goal is `signup`."""
    footer = factories.make_slot(running_experiment.slot.site, "footer")
    return factories.make_running_experiment(
        footer, "sale", goal="signup", primary_metric="value_per_visitor"
    )


@pytest.fixture
def both(running_experiment, sale):
    """Both experiments of the shop, counting the goal `signup`."""
    Experiment.objects.update(goal="signup")
    Experiment.objects.filter(key="sale").update(conversion_window_hours=24)
    Guardrail.objects.create(
        experiment=running_experiment, metric="conversion_rate", goal="newsletter"
    )
    SecondaryMetric.objects.create(experiment=sale, metric="value_per_visitor", goal="newsletter")
    running_experiment.refresh_from_db()
    sale.refresh_from_db()
    return running_experiment, sale
