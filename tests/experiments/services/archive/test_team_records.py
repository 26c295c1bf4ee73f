from datetime import timedelta

import pytest
from scipy.stats import beta

from experiments.models import Experiment, PastTest, Tag
from experiments.selectors import history
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.archive.team_records import Grouping, team_records
from experiments.services.archive.track_record import track_record
from tests import factories
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create_user("ann")


@pytest.fixture
def teams(slot, ann, django_user_model):
    """Two tests of ann, one of bob, one of nobody; the latter three bear tags."""
    bob = django_user_model.objects.create_user("bob")
    finish(slot, "won", (2_000, 200), (2_000, 300), outcome="winner", owner=ann)
    shop = finish(slot, "kept", (2_000, 200), (2_000, 170), outcome="control", owner=ann)
    both = finish(slot, "even", (2_000, 200), (2_000, 202), outcome="inconclusive", owner=bob)
    finish(slot, "open", (2_000, 200), (2_000, 230))
    finish(slot, "bad", (2_000, 200), (2_000, 400), outcome="invalid", owner=bob)
    import_test(slot.site, "t", ("Go", 1_000, 40), ("Run", 1_000, 90))
    first, second = (Tag.objects.create(site=slot.site, name=name) for name in ("mail", "shop"))
    shop.tags.add(second)
    both.tags.add(first, second)
    keep_past_tests(now=NOW + timedelta(minutes=1))
    PastTest.objects.filter(name="won").update(is_shipped=True)
    return slot.site


def test_each_responsible_person_has_a_record_and_nobody_comes_last(teams):
    records = {one.name: one.record for one in team_records(teams, Grouping.PERSON)}
    assert list(records) == ["ann", "bob", ""]
    # The invalid test of bob and the imported one count for nobody.
    assert [(one.n_won, one.n_decided) for one in records.values()] == [(1, 2), (0, 1), (0, 0)]
    assert records["ann"].win_rate == pytest.approx(0.5)
    assert records["ann"].win_interval == pytest.approx(tuple(beta(1.5, 1.5).ppf([0.025, 0.975])))
    assert records["ann"].mean_lift == pytest.approx((0.5 - 0.15) / 2)
    assert records[""].mean_lift == pytest.approx(0.15)
    assert (records["ann"].shipped, records["bob"].shipped) == (pytest.approx(0.5), None)


def test_lifts_of_a_team_are_shrunken_by_those_of_all(teams):
    records = [one.record for one in team_records(teams, Grouping.PERSON)]
    whole = track_record(list(history.trusted_past_tests(teams.pk)))
    means = [(one.mean_shrunken, sum(group.n_raw for group in one.groups)) for one in records]
    together = sum(mean * n for mean, n in means) / sum(n for _, n in means)
    assert together == pytest.approx(whole.mean_shrunken)
    # One test alone would not be shrunken at all.
    assert records[1].mean_shrunken > 0.01
    assert records[1].mean_lift == pytest.approx(0.01)


def test_test_with_two_tags_counts_for_both(teams):
    records = {one.name: one.record for one in team_records(teams, Grouping.TAG)}
    assert list(records) == ["shop", "mail", ""]
    assert [one.n_decided for one in records.values()] == [2, 1, 1]


def test_change_of_the_responsible_person_is_seen_though_records_are_kept(teams, ann):
    team_records(teams, Grouping.PERSON)
    Experiment.objects.filter(name="open").update(owner=ann)
    records = team_records(teams, Grouping.PERSON)
    assert [one.name for one in records] == ["ann", "bob"]


def test_other_sites_are_left_out(teams, ann):
    rival = factories.make_slot(factories.make_site("rival"))
    finish(rival, "secret", (1_000, 60), (1_000, 150), outcome="winner", owner=ann)
    keep_past_tests(now=NOW + timedelta(minutes=2))
    records = {one.name: one.record for one in team_records(teams, Grouping.PERSON)}
    assert records["ann"].n_decided == 2
