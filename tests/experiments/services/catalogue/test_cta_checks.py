from experiments.services.catalogue.cta_checks import check_cta, look_of
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
