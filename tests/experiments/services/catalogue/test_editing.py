import pytest
from django.utils import translation

from experiments.models import CTA, Audience, CTAWording, Slot
from experiments.selectors.serving import config_revision
from experiments.services.catalogue.editing import (
    AlreadyThereError,
    CannotSaveError,
    LockedError,
    delete_row,
    faults_of,
    free_slug,
    lock_reason,
    save_cta,
    save_row,
)
from tests import factories

pytestmark = pytest.mark.on_both_databases


def test_row_that_passes_is_stored_and_served(site):
    before = config_revision()
    save_row(Audience(site=site, key="phones", name="Phones", condition={"device": "mobile"}))
    assert Audience.objects.get().name == "Phones"
    assert config_revision() > before


def test_faults_are_told_by_field_and_of_the_whole_row(site):
    row = Audience(site=site, key="a b", name="", condition={"$x": 1})
    with pytest.raises(CannotSaveError, match="key") as refused:
        save_row(row)
    assert set(refused.value.errors) == {"key", "name", "condition"}
    CTA.objects.create(site=site, name="Buy")
    assert list(faults_of(CTA(site=site, name="Buy"))) == [""]
    assert not Audience.objects.exists()


def test_default_cta_of_another_site_is_refused(site, other_site):
    slot = Slot(site=site, key="hero", name="Hero", default_cta=factories.make_cta(other_site))
    with pytest.raises(CannotSaveError, match="another site"):
        save_row(slot)


def test_cta_is_stored_with_all_its_wordings_or_not_at_all(site):
    cta = CTA(site=site, name="Buy", destination="/buy")
    with pytest.raises(CannotSaveError, match=r"wordings\.1\.text"):
        save_cta(cta, wordings=[CTAWording(locale="en", text="Buy"), CTAWording(locale="fr")])
    assert not CTA.objects.exists()
    save_cta(cta, wordings=[CTAWording(locale="en", text="Buy")], tags=["spring", "spring"])
    assert [tag.name for tag in cta.tags.all()] == ["spring"]
    save_cta(cta, wordings=[CTAWording(locale="fr", text="Acheter")])
    assert [one.text for one in cta.wordings.all()] == ["Acheter"]
    assert cta.tags.count() == 1
    with pytest.raises(CannotSaveError, match="needs a wording"):
        save_cta(cta, wordings=[])


def test_row_of_a_live_experiment_stays(slot):
    audience = factories.make_audience(slot.site)
    live = factories.make_running_experiment(slot, audience=audience)
    audience.name = "Other"
    with pytest.raises(LockedError, match="hero-test"):
        save_row(audience)
    with pytest.raises(LockedError, match="hero-test"):
        save_cta(live.variants.get(key="b").cta)
    with pytest.raises(LockedError, match="draft"):
        delete_row(live)
    live.status, live.stopped_at = "stopped", live.started_at
    live.save()
    assert lock_reason(audience) == ""


def test_row_in_use_is_not_removed(slot):
    with pytest.raises(LockedError, match="Hero"):
        delete_row(slot.default_cta)
    unused = factories.make_audience(slot.site)
    delete_row(unused)
    assert not Audience.objects.exists()


def test_key_of_a_slot_stays_once_it_has_experiments(slot):
    slot.key = "top"
    save_row(slot)
    factories.make_experiment(slot)
    slot.key = "hero"
    with pytest.raises(LockedError, match="key of a slot"):
        save_row(slot)


def test_row_that_is_there_names_itself():
    assert AlreadyThereError({"key": "x"}).row == {"key": "x"}
    assert "already" in str(AlreadyThereError(None))


def test_lock_names_the_tests_as_people_call_them(slot):
    phones = factories.make_audience(slot.site, "phones", {"device": "mobile"})
    factories.make_running_experiment(slot, "hero-2026", name="Autumn offer", audience=phones)
    with translation.override("fr"):
        one = lock_reason(phones)
    footer = factories.make_slot(slot.site, "footer")
    factories.make_running_experiment(footer, "foot-2026", name="Winter offer", audience=phones)
    with translation.override("fr"):
        several = lock_reason(phones)
    assert one == "Non modifiable tant que le test «\u00a0Autumn offer\u00a0» l\u2019utilise."
    assert several.startswith("Non modifiable tant que les tests «\u00a0")
    assert "\u00a0», «\u00a0" in several
    assert several.endswith("l\u2019utilisent.")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Été, haut de page", "ete-haut-de-page"),
        ("Phones", "phones-3"),
        ("日本", "audience"),
        ("w" * 60, "w" * 40),
        ("", "audience"),
    ],
)
def test_key_is_made_of_a_name_and_taken_by_no_other_row_of_the_site(site, other_site, name, key):
    for taken in ("phones", "phones-2"):
        factories.make_audience(site, taken)
    factories.make_audience(other_site, "ete-haut-de-page")
    assert free_slug(name, rows=Audience.objects.filter(site=site)) == key
