from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from experiments.models import Notice, NoticeRead
from experiments.services.notices.choices import keep_choice
from experiments.services.notices.inbox import is_visible, mark_read, unread_count
from tests import factories
from tests.experiments.services.notices.conftest import make_reader, told
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.django_db
Kind = Notice.Kind


def unread(person):
    # Read afresh: roles are read once a request.
    return unread_count(get_user_model().objects.get(pk=person.pk), now=NOW)


def test_notices_of_other_sites_are_not_there(site, running_experiment):
    notice = told(running_experiment)
    other = factories.make_site("other")
    ada, eve, nobody = make_reader("ada", site), make_reader("eve", other), make_reader("nobody")
    assert [unread(one) for one in (ada, eve, nobody)] == [1, 0, 0]
    assert [is_visible(one, notice, now=NOW) for one in (ada, eve)] == [True, False]
    mark_read(eve, keys=[notice.pk], now=NOW)
    assert not NoticeRead.objects.exists()


def test_notice_is_read_by_each_for_themselves(site, running_experiment):
    first, second = told(running_experiment), told(running_experiment, occurrence="ship:c")
    ada, eve = make_reader("ada", site), make_reader("eve", site)
    assert mark_read(ada, keys=[first.pk], now=NOW) == 1
    assert mark_read(ada, keys=[first.pk], now=NOW) == 0
    assert (unread(ada), unread(eve)) == (1, 2)
    assert mark_read(ada, keys=None, now=NOW) == 1
    assert unread(ada) == 0
    assert {read.notice for read in NoticeRead.objects.filter(user=ada)} == {first, second}


def test_kinds_that_are_not_chosen_do_not_count(site, running_experiment):
    ada = make_reader("ada", site)
    told(running_experiment)
    keep_choice(ada, mail=[], page=[Kind.HARM])
    assert unread(ada) == 0
    told(running_experiment, Kind.HARM)
    assert unread(ada) == 1
    keep_choice(ada, mail=[], page=[])
    assert unread(ada) == 0


def test_what_happened_before_the_account_or_long_ago_does_not_count(site, running_experiment):
    notice = told(running_experiment)
    new = make_reader("new", site, date_joined=NOW + timedelta(minutes=1))
    old = make_reader("old", site, date_joined=STARTED - timedelta(days=400))
    assert (unread(new), unread(old)) == (0, 1)
    Notice.objects.filter(pk=notice.pk).update(at=NOW - timedelta(days=91))
    assert unread(old) == 0


def test_menu_counts_no_further_than_a_hundred(site, running_experiment):
    for number in range(103):
        told(running_experiment, occurrence=str(number))
    assert unread(make_reader("ada", site)) == 100


def test_training_concerns_those_with_a_role_on_every_site(site):
    Notice.objects.create(kind=Kind.TRAINED, at=NOW, occurrence="trained:1")
    ada = make_reader("ada", site)
    assert unread(ada) == 1
    factories.make_site("other")
    assert unread(ada) == 0
    assert unread(make_reader("root", is_superuser=True)) == 1
