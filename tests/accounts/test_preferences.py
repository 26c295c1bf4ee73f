import pytest
from django.contrib.auth.models import User
from django.utils import timezone, translation

from accounts.models import Preferences
from accounts.preferences import as_read_by, keep_preference, preferences_of

pytestmark = pytest.mark.django_db


def test_who_has_chosen_nothing_has_empty_preferences_that_are_not_stored(ada):
    chosen = preferences_of(ada)
    assert (chosen.language, chosen.time_zone, chosen.theme) == ("", "", "")
    assert not Preferences.objects.exists()


def test_one_preference_is_kept_beside_the_others(ada):
    keep_preference(ada, language="fr", time_zone="Europe/Paris")
    keep_preference(ada, language="en")
    kept = Preferences.objects.get()
    assert (kept.language, kept.time_zone) == ("en", "Europe/Paris")


def test_texts_and_times_are_those_of_the_reader(ada):
    keep_preference(ada, language="fr", time_zone="Asia/Tokyo")
    ada.refresh_from_db()
    with as_read_by(ada, otherwise="en"):
        assert translation.get_language() == "fr"
        assert timezone.get_current_timezone_name() == "Asia/Tokyo"
    assert translation.get_language() != "fr"
    assert timezone.get_current_timezone_name() == "UTC"


def test_language_of_who_has_chosen_none_is_the_other_one():
    eve = User.objects.create_user("eve")
    with as_read_by(eve, otherwise="fr"):
        assert translation.get_language() == "fr"
