import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from experiments.models import CTAWording
from tests import factories

pytestmark = pytest.mark.on_both_databases


@pytest.mark.parametrize(
    "origin",
    ["https://shop.example", "http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"],
)
def test_allowed_origins_take_what_browsers_send(site, origin):
    site.allowed_origins = [origin]
    site.full_clean()


@pytest.mark.parametrize(
    "origin",
    ["https://shop.example/", "shop.example", "https://Shop.example", "https://a b", "*", 7],
)
def test_allowed_origins_refuse_what_no_browser_sends(site, origin):
    site.allowed_origins = [origin]
    with pytest.raises(ValidationError, match="is not an origin"):
        site.full_clean()


def test_allowed_origins_are_a_list(site):
    site.allowed_origins = "https://shop.example"
    with pytest.raises(ValidationError, match="must be a list"):
        site.full_clean()


@pytest.mark.parametrize(
    "destination",
    ["https://shop.example/a?b=c#d", "/path", "?utm=1", "#form", "mailto:a@b.example", "tel:+331"],
)
def test_destination_takes_addresses_and_paths(site, destination):
    factories.make_cta(site, destination=destination).full_clean()


@pytest.mark.parametrize(
    "destination",
    [
        *("javascript:alert(1)", "data:text/html,x", " /path", "/a b", "go"),
        *("//evil.example/x", "/\\evil.example/x"),
    ],
)
def test_destination_refuses_scripts_and_spaces(site, destination):
    cta = factories.make_cta(site)
    cta.destination = destination
    with pytest.raises(ValidationError, match="Write an address"):
        cta.full_clean()


def test_audience_refuses_a_condition_that_nobody_can_evaluate(site):
    audience = factories.make_audience(site, condition={"country": {"$near": "FR"}})
    with pytest.raises(ValidationError, match=r"\$near"):
        audience.full_clean()


def test_cta_in_use_cannot_be_deleted(running_experiment):
    arm = running_experiment.variants.get(arm=1)
    with pytest.raises(ProtectedError):
        arm.cta.delete()


def test_slot_with_experiments_cannot_be_deleted(running_experiment):
    with pytest.raises(ProtectedError):
        running_experiment.slot.delete()


def test_new_site_is_in_the_time_zone_of_the_installation(site, settings):
    assert site.time_zone == settings.TIME_ZONE


@pytest.mark.parametrize("name", ["", "UTC+2", "Paris", "../../etc/passwd", "+02:00"])
def test_site_refuses_what_is_no_time_zone(site, name):
    site.time_zone = name
    with pytest.raises(ValidationError) as error:
        site.full_clean()
    assert set(error.value.message_dict) == {"time_zone"}


@pytest.mark.parametrize(
    ("typed", "stored"), [("en_us", "en-US"), ("PT-br", "pt-BR"), ("FR", "fr")]
)
def test_language_of_a_wording_is_stored_in_the_recommended_spelling(site, typed, stored):
    wording = CTAWording(cta=factories.make_cta(site, "Yes", wordings={}), locale=typed, text="Yes")
    wording.full_clean()
    assert wording.locale == stored
