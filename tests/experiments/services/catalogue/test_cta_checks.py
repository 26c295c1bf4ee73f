from experiments.models import CTA
from experiments.services.catalogue.cta_checks import (
    check_cta,
    check_wordings,
    detected_principles,
    look_of,
)
from tests import factories


def levels(cta, text, position=None):
    findings = check_cta(cta, text, locale="en", position=position)
    return {finding["check"]: finding["level"] for finding in findings}


def test_button_that_nobody_can_read_is_a_fault(site):
    cta = factories.make_cta(site, background_color="#777777", text_color="#888888")
    assert levels(cta, "Get your copy")["contrast"] == "fault"


def test_legible_button_passes_the_contrast_check(site):
    cta = factories.make_cta(site, background_color="#ffffff", text_color="#000000")
    assert levels(cta, "Get your copy")["contrast"] == "good"


def test_spoken_cta_has_no_look(site):
    assert look_of(factories.make_cta(site, form="spoken"), "Call us now", None) is None


def test_link_in_a_text_is_inline_and_has_no_box(site):
    look = look_of(factories.make_cta(site, form="link"), "Read on", "in_text")
    assert look["is_inline"]
    assert look["width_px"] is None


def test_icon_makes_a_button_wider(site):
    plain = look_of(factories.make_cta(site), "Go", None)
    marked = look_of(factories.make_cta(site, "Go on", icon="★"), "Go", None)
    assert marked["width_px"] > plain["width_px"]


def test_wordings_are_checked_for_the_slot_whose_default_they_are(site):
    cta = factories.make_cta(site, wordings={"en": "Try it for free", "fr": "Essayez"})
    texts = {"en": "Try it for free", "fr": "Essayez"}
    by_language = {one.locale: one for one in check_wordings(cta, texts)}
    assert by_language["en"].principles == ("reward",)
    assert by_language["fr"].principles == ()
    assert {one["check"] for one in by_language["fr"].findings} >= {"contrast", "target", "verb"}
    factories.make_slot(site, default_cta=cta, position="in_text")
    CTA.objects.update(form="link")
    cta.refresh_from_db()
    expected = check_cta(cta, "Essayez", locale="fr", position="in_text")
    assert list(check_wordings(cta, {"fr": "Essayez"})[0].findings) == expected


def test_principles_stand_in_their_own_order():
    texts = {"en": "Get it free today", "fr": "Essayez"}
    assert detected_principles(texts) == ("urgency", "reward")
