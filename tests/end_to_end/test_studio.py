"""The studio in real Chromium: typing, ticking, saving twice, in both languages and two widths."""

import pytest
from playwright.sync_api import expect

from tests.end_to_end.admin_walk import AXE, OVERFLOW, AdminVisit
from tests.missing import node
from tests.node import CLIENTS

pytestmark = pytest.mark.slow

SITE = """
from experiments.models import CTA, Site
CTA.objects.filter(site__key="atelier").delete()
Site.objects.filter(key="atelier").delete()
site = Site.objects.create(key="atelier", name="Atelier", client_key="atelier-client-key",
    default_locale="fr", brand_background_color="#7c2d12")
cta = CTA.objects.create(site=site, name="Sign up", destination="/signup")
cta.wordings.create(locale="fr", text="Je m'inscris")
cta.wordings.create(locale="en", text="Sign up")
"""
SAVED = """
from pathlib import Path
from django.conf import settings
from experiments.models import CTA, Site
rows = CTA.objects.filter(site__key="atelier").order_by("pk")
lines = [f"{one.name}|{one.background_color}|{','.join(one.principles)}" for one in rows]
Path(settings.DATA_DIR, "saved.txt").write_text(chr(10).join(lines))
rows.delete()
Site.objects.filter(key="atelier").delete()
"""
TEXTS = {
    "en-GB": {
        "tick": "Tick: Reward",
        "verb": "Begins with a verb in the imperative",
        "gap": "no wording: French",
        "save": "Save",
        "saved": "“Get it free” is saved.",
        "kept": "Kept.",
    },
    "fr": {
        "tick": "Cocher\u00a0: Récompense",
        "verb": "Commence par un verbe à l\u2019impératif",
        "gap": "sans formulation\u00a0: français",
        "save": "Enregistrer",
        "saved": "«\u00a0Get it free\u00a0» est enregistré.",
        "kept": "Gardé.",
    },
}


@pytest.mark.parametrize(("locale", "width"), [("en-GB", 1280), ("fr", 390)])
def test_words_are_drawn_checked_ticked_and_saved_once(chromium, demo, locale, width):
    demo.manage("shell", "--command", SITE)
    node(CLIENTS)
    axe = (CLIENTS / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    context = chromium.new_context(
        locale=locale, viewport={"width": width, "height": 900}, bypass_csp=True
    )
    visit, texts, said = AdminVisit(context, demo), TEXTS[locale], []
    page = visit.page
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    visit.log_in()
    page.wait_for_url("**/admin/")
    visit.open("/admin/experiments/cta/compose/")
    page.select_option("[name=site]", label="Atelier")
    # The page of the chosen site has its languages and colours.
    expect(page.locator("[name=wording_en]")).to_be_visible()
    expect(page.locator("[name=background_color]")).to_have_value("#7c2d12")
    page.fill("[name=wording_en]", "Get it free")
    drawn = page.locator("#studio-drawn")
    expect(drawn.get_by_text("Get it free")).to_have_count(4)
    expect(drawn).to_contain_text(texts["verb"])
    expect(page.locator("#studio-gaps")).to_contain_text(texts["gap"])
    expect(page.locator("#studio-saved")).to_have_text(texts["kept"])
    page.evaluate(axe)
    assert page.evaluate(AXE) == []
    assert page.evaluate(OVERFLOW) <= 0
    page.get_by_role("button", name=texts["tick"]).click()
    expect(page.locator("[name=principles][value=reward]")).to_be_checked()
    expect(page.locator("[name=wording_en]")).to_have_value("Get it free")
    page.get_by_role("button", name=texts["save"], exact=True).dblclick()
    page.wait_for_url("**/studio/")
    expect(page.get_by_text(texts["saved"])).to_be_visible()
    page.evaluate(axe)
    assert page.evaluate(AXE) == []
    assert page.evaluate(OVERFLOW) <= 0
    context.close()
    demo.manage("shell", "--command", SAVED)
    rows = (demo.data_dir / "saved.txt").read_text().splitlines()
    assert rows == ["Sign up|#1d4ed8|", "Get it free|#7c2d12|reward"]
    assert said == []
