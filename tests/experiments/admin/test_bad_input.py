"""Bad input of forms: the message stands beside its field, and everything typed is still there."""

import re
from html.parser import HTMLParser

import pytest
from django.urls import reverse

from experiments.models import CTA, Experiment, TypedCTA, TypedExperiment
from tests import factories
from tests.experiments.admin.test_audiences import json_form, rows_form
from tests.experiments.admin.test_catalogue import cta_form
from tests.experiments.admin.test_experiments import experiment_form
from tests.experiments.admin.test_sites import site_form
from tests.experiments.admin.workflow.test_studio import new

HTML = "<script>alert(1)</script>"
TAGS = "has HTML in it. Visitors would read the tags: write words."
VOID = {"input", "img", "br", "hr", "meta", "link", "wbr"}


class Fields(HTMLParser):
    """The values of a page's fields, and the fields that stand before each text."""

    def __init__(self):
        super().__init__()
        self.values, self.places = {}, []
        self._area = self._select = None

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        name = found.get("name")
        if tag in {"input", "textarea", "select"} and name:
            self.places.append(("field", name))
        if tag == "input" and name and found.get("type") not in {"checkbox", "radio"}:
            self.values.setdefault(name, []).append(found.get("value") or "")
        elif tag == "input" and name and "checked" in found:
            self.values.setdefault(name, []).append(found.get("value", "on"))
        elif tag == "textarea":
            self._area = name
            self.values.setdefault(name, []).append("")
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in found:
            self.values.setdefault(self._select, []).append(found["value"])

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = None

    def handle_data(self, data):
        if self._area:
            self.values[self._area][-1] += data
        else:
            self.places.append(("text", data))

    def beside(self, message):
        """The fields just before and just after a message."""
        numbers = [
            number
            for number, (kind, text) in enumerate(self.places)
            if kind == "text" and message in re.sub(r"\s+", " ", text)
        ]
        found = set()
        for number in numbers:
            before = [name for kind, name in self.places[:number] if kind == "field"]
            after = [name for kind, name in self.places[number:] if kind == "field"]
            found |= {*before[-1:], *after[:1]}
        return found


def read(answer):
    found = Fields()
    found.feed(answer.content.decode())
    return found


def lost(page, sent):
    """What was typed and is not on the page."""
    for name, value in sent.items():
        there = [one.replace("\r\n", "\n").strip() for one in page.values.get(name, [])]
        typed = value if isinstance(value, list) else [value]
        yield from ((name, one) for one in typed if str(one).strip() not in there)


DATES = {"starts_at_0": "2031-02-01", "starts_at_1": "09:00"}
DATES |= {"ends_at_0": "2031-01-01", "ends_at_1": "09:00"}
OVER = {"starts_at_0": "2020-01-01", "starts_at_1": "09:00"}
ENDED = {"ends_at_0": "2020-01-01", "ends_at_1": "09:00"}
LINES = "\n".join(f"Go {number}" for number in range(300))
WIZARD = {"who": "everybody", "metric": "click_rate", "lift": "10", "action": "start"}
WIZARD |= {"condition_mode": "rows", "condition_match": "all"}
WIZARD |= {"wordings_en": "Go\nStart", "wordings_fr": "Aller\nCommencer"}
LATER = {"starts_at": "2031-02-01T00:00", "ends_at": "2031-01-01T00:00"}
PAST = {"action": "schedule", "starts_at": "2020-01-01T00:00"}
# Page, what is typed, the field and the message beside it (of a field of several, the last).
CASES = {
    "dates": ("experiment_add", DATES, "ends_at_1", "The planned end must come after"),
    "no date": ("experiment_add", {"ends_at_0": "soon"}, "ends_at_1", "Enter a valid date."),
    "shares": ("experiment_add", {"variants-1-share": "60"}, "variants-1-share", "add up to 110"),
    "no share": ("experiment_add", {"variants-1-share": "x"}, "variants-1-share", "a percentage"),
    "address": ("cta_add", {"destination": "javascript:x"}, "destination", "Write an address"),
    "no wording": ("cta_add", {"wordings-0-text": ""}, "wordings-0-text", "is required"),
    "html": ("cta_add", {"wordings-0-text": HTML}, "wordings-0-text", TAGS),
    "site": ("site_add", {"address": "none"}, "address", "Write an address with its beginning"),
    "origins": ("site_add", {"allowed_origins": "none"}, "allowed_origins", "is not an origin"),
    "audience": ("audience_add", json_form("{"), "condition_example", "This is not valid JSON"),
    "webhook": ("webhook_add", {"url": "none"}, "url", "must begin with https://"),
    "site page": ("site_compose", {"address": "none"}, "address", "Write an address with its"),
    "site folded": (
        "site_compose",
        {"allowed_origins": "none"},
        "allowed_origins",
        "not an origin",
    ),
    "slot page": ("slot_compose", {"new_words": ""}, "default_cta", "or write down its words"),
    "slot html": ("slot_compose", {"new_words": HTML}, "new_words", TAGS),
    "audience page": ("audience_compose", {"key": "a b"}, "key", "Enter a valid"),
    "webhook page": ("webhook_compose", {"url": "none"}, "url", "must begin with https://"),
    "studio": ("cta_compose", {"destination": "none"}, "destination", "Write an address"),
    "studio html": ("cta_compose", {"wording_en": HTML}, "wording_en", TAGS),
    "studio words": ("cta_compose", {"wording_en": ""}, "wording_en", "Write the words."),
    "wizard html": ("experiment_new", {"wordings_en": HTML}, "wordings_en", TAGS),
    "wizard gap": ("experiment_new", {"wordings_fr": "Aller"}, "wordings_fr", "no text in: French"),
    "wizard lines": ("experiment_new", {"wordings_en": LINES}, "wordings_en", "300 lines"),
    "wizard dates": ("experiment_new", LATER, "ends_at", "must come after the planned start"),
    "past": ("experiment_add", OVER, "starts_at_1", "choose one that is to come"),
    "wizard past": ("experiment_new", PAST, "starts_at", "choose one that is to come"),
    "past end": ("experiment_add", ENDED, "ends_at_1", "and after now"),
    "wizard past end": ("experiment_new", {"ends_at": "2020-01-01T00:00"}, "ends_at", "after now"),
    "rank lines": ("job_rank", {"wordings": LINES}, "wordings", "At most 50 wordings."),
}
KEPT_AS_TYPED = {"experiment_new": TypedExperiment, "cta_compose": TypedCTA}


@pytest.fixture
def usual(site, slot):
    """What is typed into each form beside its fault."""
    words = factories.make_cta(site, "Both", wordings={"en": "Both", "fr": "Les deux"})
    hook = {"site": site.pk, "name": "Hook", "format": "json", "language": "en"}
    rows = rows_form(("device", "", "is", "tablet"))
    del rows["condition_json"]
    pages = {
        "site_compose": {name: one for name, one in site_form().items() if name != "client_key"},
        "slot_compose": {"site": site.pk, "name": "Top", "page_pattern": "/a", "position": "popup"},
        "audience_compose": {"site": site.pk, "name": HTML, **rows},
        "webhook_compose": hook | {"kinds": ["verdict"], "is_active": "on"},
    }
    return pages | {
        "experiment_add": experiment_form(slot, hypothesis=f"Why? {HTML}"),
        "cta_add": cta_form(site),
        "site_add": {name: one for name, one in site_form().items() if name != "client_key"},
        "audience_add": {"site": site.pk, "name": HTML, "key": "k"},
        "webhook_add": hook | {"kinds": ["verdict"], "is_active": "on"},
        "cta_compose": new(site, wording_en="Go"),
        "experiment_new": WIZARD | {"slot": factories.make_slot(site, "two", default_cta=words).pk},
        "job_rank": {"control": "Go", "locale": "en"},
    }


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fault_stands_beside_its_field_and_nothing_typed_is_lost(admin_client, usual, case):
    page, fault, field, message = case
    url, sent = reverse(f"admin:experiments_{page}"), usual[page] | fault
    if (kept := KEPT_AS_TYPED.get(page)) is not None:
        admin_client.get(url)
        sent["typed"] = kept.objects.get().pk
    before = CTA.objects.count(), Experiment.objects.count()
    answer = admin_client.post(url, sent)
    assert answer.status_code == 200
    assert HTML not in answer.content.decode()
    found = read(answer)
    assert field in found.beside(message)
    sent.pop("action", None)
    assert list(lost(found, sent)) == []
    assert (CTA.objects.count(), Experiment.objects.count()) == before


@pytest.mark.parametrize(
    ("page", "sent", "field", "message"),
    [
        ("comments", {"text": "w" * 2_001}, "text", "Write 1 to 2000 characters."),
        ("annotations", {"text": "w" * 301, "day": "2020-01-01"}, "text", "Write 1 to 300"),
        ("annotations", {"text": "Sale", "day": "2020-01-01"}, "day", "Choose a day"),
        ("labels", {"tags": "t" * 51, "owner": ""}, "tags", "A tag has 1 to 50"),
    ],
)
def test_form_of_a_report_comes_back_once(
    admin_client, running_experiment, page, sent, field, message
):
    url = reverse(f"admin:experiments_experiment_{page}", args=[running_experiment.pk])
    report = admin_client.post(url, sent).url
    found = read(admin_client.get(report))
    assert field in found.beside(message)
    assert list(lost(found, sent)) == []
    assert message not in admin_client.get(report).content.decode()
