from experiments.models import Change
from experiments.services.lifecycle.change_log import Kind, Occasion, record
from tests.factories import NOW


def test_change_is_recorded_with_time_author_and_note(running_experiment, owner):
    record(running_experiment, Kind.PAUSE, Occasion(now=NOW, author=owner, note="sale is over"))
    change = Change.objects.get()
    assert (change.experiment, change.kind, change.at) == (running_experiment, Kind.PAUSE, NOW)
    assert (change.author, change.note) == (owner, "sale is over")


def test_change_of_the_service_itself_has_no_author(running_experiment):
    record(running_experiment, Kind.ROLLBACK, Occasion(now=NOW))
    assert Change.objects.get().author is None


def test_change_by_a_server_names_its_key(running_experiment):
    record(running_experiment, Kind.PAUSE, Occasion(now=NOW, server_key="cron (ctaopt_ab…)"))
    change = Change.objects.get()
    assert (change.author, change.server_key) == (None, "cron (ctaopt_ab…)")
