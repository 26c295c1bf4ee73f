import pytest

from experiments.models import Notice, NoticeChoice
from experiments.services.notices.choices import BY_MAIL, choice_of, keep_choice
from tests.experiments.services.notices.conftest import make_reader

pytestmark = pytest.mark.django_db
Kind = Notice.Kind


def test_who_has_not_chosen_gets_by_mail_what_asks_for_a_decision():
    kept = choice_of(make_reader())
    assert {Kind.VERDICT, Kind.HARM, Kind.ROLLBACK, Kind.DIGEST} <= set(kept.mail)
    assert {Kind.STARTED, Kind.TRAINED}.isdisjoint(kept.mail)
    assert kept.mail == list(BY_MAIL)
    assert Kind.STARTED in kept.page
    assert not NoticeChoice.objects.exists()


def test_choice_is_kept_without_kinds_that_are_none():
    ada = make_reader()
    keep_choice(ada, mail=["harm", "pink"], page=["digest", "verdict"])
    ada.refresh_from_db()
    kept = choice_of(ada)
    assert (kept.mail, kept.page) == (["harm"], ["verdict"])
    keep_choice(ada, mail=[], page=[])
    ada.refresh_from_db()
    assert choice_of(ada).mail == []
