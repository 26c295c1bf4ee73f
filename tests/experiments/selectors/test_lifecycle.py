from datetime import timedelta

from experiments.models import Experiment
from experiments.selectors import lifecycle
from tests import factories
from tests.factories import STARTED


def test_rivals_are_live_on_the_same_slot(slot):
    experiment = factories.make_experiment(slot)
    rival = factories.make_running_experiment(slot, "rival")
    factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "elsewhere")
    assert lifecycle.live_rivals(experiment) == [rival]
    assert not lifecycle.live_in_namespace(experiment).exists()
    Experiment.objects.update(
        status="stopped", started_at=STARTED, stopped_at=STARTED + timedelta(days=1)
    )
    assert lifecycle.live_rivals(experiment) == []


def test_rivals_of_many_are_read_with_them(slot, django_assert_num_queries):
    french = factories.make_audience(slot.site)
    running = [
        factories.make_running_experiment(slot, key, audience=audience)
        for key, audience in (("one", None), ("other", french))
    ]
    elsewhere = factories.make_slot(slot.site, "footer")
    alone = factories.make_running_experiment(elsewhere, "alone")
    with django_assert_num_queries(
        3
    ):  # The experiments, the live ones on their slots, their ramps.
        rows = list(Experiment.objects.select_related("slot").order_by("pk"))
        lifecycle.read_live_rivals(rows)
        rivals = [lifecycle.live_rivals(row) for row in rows]
    assert rivals == [[running[1]], [running[0]], []]
    assert rows[2] == alone
