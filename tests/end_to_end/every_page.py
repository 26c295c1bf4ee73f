"""Every page of the product, as the URL configuration lists them, with rows for their addresses."""

import re

from django.urls import URLResolver, get_resolver

# Rows of each kind that a page shows, in the states that change what it looks like, and sessions
# of two people, one of whom has every second factor.
ROWS = """
import json, time
from datetime import timedelta
from pathlib import Path
from allauth.account.internal.flows import login
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.contrib.admin import site as site_of_pages
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from accounts.models import LogInRecord
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData
from experiments.models import (
    CTA, Annotation, Comment, Experiment, Job, Learning, Membership, Namespace, Upload, Webhook)
from experiments.services.archive.keeping import keep_past_tests
from experiments.services.documents.frozen_reports import Lock, freeze_report, share_report
from experiments.services.lifecycle.approvals import ask_approval
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.notices.webhook_secrets import new_secret
from tests.accounts.conftest import PASSWORD
from tests.factories import make_experiment, make_site, make_slot

now, states = timezone.now(), {}
ada = User.objects.get(username="ada")
keyed = User.objects.create_superuser("keyed", password=PASSWORD)
TOTP.activate(keyed, generate_totp_secret())
RecoveryCodes.activate(keyed)
attested = AttestedCredentialData.create(
    bytes(16), b"key", {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)})
flags = AuthenticatorData.FLAG.AT | AuthenticatorData.FLAG.UP
data = AuthenticatorData.create(bytes(32), flags, 0, attested)
client_data = {"type": "webauthn.create", "challenge": "", "origin": "http://localhost"}
credential = {"type": "public-key", "id": websafe_encode(b"key"), "rawId": websafe_encode(b"key"),
    "response": {"clientDataJSON": websafe_encode(json.dumps(client_data).encode()),
        "attestationObject": websafe_encode(AttestationObject.create("none", data, {}))}}
key = WebAuthn.add(keyed, "Key", credential).instance

site = make_site("rows", name="Rows", needs_approval=True, address="https://rows.example")
slot = make_slot(site, "top", page_pattern="/signup/*")
draft = make_experiment(slot, "rows-draft")
asked = make_experiment(slot, "rows-asked", status="draft")
ask_approval(experiment=asked, occasion=Occasion(now=now, author=keyed, note="Please"))
paused = make_experiment(make_slot(site, "paused"), "rows-paused", status="paused",
    started_at=now - timedelta(days=3))
running = Experiment.objects.get(key="hero-signup-fr")
ended = Experiment.objects.filter(status="stopped").first()
states["experiment"] = [row.pk for row in (running, draft, asked, paused, ended)]
namespace = Namespace.objects.create(site=site, key="page", seed="page-seed")
Membership.objects.create(user=keyed, site=site, role="owner")
LogInRecord.objects.create(at=now, kind="log_in", user=ada, method="password")
Learning.objects.create(site=site, statement="Verbs help.", written_at=now, author=ada)
Webhook.objects.create(site=site, name="Chat", url="https://chat.example/hook", created_at=now,
    kinds=["verdict"], encrypted_secret=new_secret())
Annotation.objects.create(experiment=running, day=now.date(), text="Sale", created_at=now)
Comment.objects.create(experiment=running, at=now, text="Why?", author=ada)
frozen = freeze_report(experiment=running, view={}, code_version="1", occasion=Occasion(now=now))
lock = Lock(expires_at=now + timedelta(days=9))
_, token = share_report(frozen=frozen, lock=lock, occasion=Occasion(now=now))
_, locked_token = share_report(
    frozen=frozen, lock=Lock(expires_at=lock.expires_at, password="a long one"),
    occasion=Occasion(now=now))
while keep_past_tests(now=now):
    pass

client = Client(HTTP_HOST="localhost")
client.force_login(ada)
rank = {"control": "plain thing1", "wordings": "free thing1", "locale": "en"}
files = {
    "past-tests": "test,text,visitors,clicks\\nA,Go,100,5\\nA,Start,100,9\\n",
    "wordings": "name,locale,text,destination\\nGo,en,Go,/go\\n",
}
for name, content in files.items():
    for _ in range(2):
        file = SimpleUploadedFile(f"{name}.csv", content.encode())
        choices = {"site": site.pk, "format": "ctaopt", "form": "button", "destination": "/go"}
        client.post(f"/admin/experiments/upload/{name}/", choices | {"file": file})
client.post(f"/admin/experiments/upload/{Upload.objects.first().pk}/confirm/")
client.post(f"/admin/experiments/experiment/{running.pk}/template/", {"name": "Weekly"})
client.post("/admin/experiments/job/rank/", rank)
moments = {"created_at": now, "heartbeat_at": now, "language": "en", "created_by": ada}
Job.objects.create(kind="ranking", status="failed", message="No space left.", **moments)
Job.objects.create(kind="training", status="cancelled", progress=0.5, **moments)
deadline = time.monotonic() + 240
while Job.objects.filter(status__in=["queued", "running"]).exists():
    assert time.monotonic() < deadline, list(Job.objects.values())
    time.sleep(0.2)

def cookie_of(person):
    client = Client(HTTP_HOST="localhost")
    client.force_login(person)
    session = client.session
    # Of tomorrow: no page asks for the password once more.
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(person.pk)
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "password", "at": time.time() + 86_400, "reauthenticated": True}]
    session.save()
    return session.session_key

for model in site_of_pages._registry:
    name = model._meta.model_name
    states.setdefault(name, list(model._default_manager.values_list("pk", flat=True)[:4]))
made = {"rows": states, "asked": asked.pk, "key": key.pk, "tokens": [token, locked_token],
    "ctas": list(CTA.objects.filter(site=site).values_list("pk", flat=True)[:2]),
    "sessions": {"ada": cookie_of(ada), "keyed": cookie_of(keyed)}}
Path(settings.DATA_DIR, "rows.json").write_text(json.dumps(made))
"""

# Of one kind of page, all that differ; of the others the first row is enough.
IN_EVERY_STATE = ("experiment/<int:pk>/report/", "experiment/<path:object_id>/change/")
IN_EVERY_STATE += ("job/<int:pk>/watch/", "upload/<int:pk>/show/", "cta/<int:pk>/studio/")
# Routes that are no pages, and why: whoever asks for one with GET never gets a page.
ONLY_POSTED = "only takes what is posted"
NO_PAGES = {
    r"^api/(v1|schema)/": "answers programs",
    r"^admin/search/$": "a part of the page that asks for it",
    r"^admin/(password_change|login)/$|^i18n/|notices/<int:pk>/$": "leads to another page",
    r"^admin/\w+/\w+/<path:object_id>/$": "leads to another page",
    r"^admin/logout/$|/audience/check/$|/job/train/$|/notices/read/$": ONLY_POSTED,
    r"/(archive|step/<slug:name>|undo-promotion|follow-up|preferences/theme)/$": ONLY_POSTED,
    r"/(annotations|comments|labels|draft|stop|again|columns|confirm)/$": ONLY_POSTED,
    r"/webhook/<int:pk>/(test|retry|renew)/$|/upload/<int:pk>/undo/$": ONLY_POSTED,
    r"/sessions/<int:pk>/end/$": ONLY_POSTED,
    r"jsi18n/$|autocomplete/$|\.parquet$|\.svg$|/recovery-codes/download/$": "a file",
    r"^shared/pictures/": "a file",
    r"^admin/r/|^admin/\(\?P<url>": "leads nowhere: no row has a page on the site",
    r"/(loginrecord|historyarm|job|pasttest|upload|predictorversion)/add/$": "nobody may",
    r"/experimenttemplate/add/$|/(loginrecord|pasttest)/<path:object_id>/delete/$": "nobody may",
    r"/predictorversion/<path:object_id>/": "no demo of the tests has a predictor",
    r"^account/oidc/": "of a provider of single sign-on, which no demo has",
}
# Of /docs/: the first page, a guide for each kind of reader, both glossaries.
DOCUMENTS = (
    "accueil/",
    "guide-marketer/",
    "guide-marketing/",
    "guide-analyst/",
    "guide-developer/",
)
DOCUMENTS += ("glossary/", "glossaire/", "operations/", "report/")


def routes(resolver=None, prefix=""):
    """Yield each address of the URL configuration, as its pattern."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield route


def is_no_page(route):
    """Return whether a route is named as one that is no page."""
    return any(re.search(pattern, route) for pattern in NO_PAGES)


class Pages:
    """The pages of an installation with the rows above: the addresses of each route."""

    def __init__(self, rows):
        self._rows, self._key = rows["rows"], rows["key"]
        pk, ids = self._rows["experiment"][0], ",".join(map(str, rows["ctas"]))
        self._special = {
            "admin/experiments/experiment/<path:object_id>/delete/": [
                f"admin/experiments/experiment/{self._rows['experiment'][1]}/delete/"
            ],
            "admin/experiments/cta/add/": [
                "admin/experiments/cta/add/",
                "admin/experiments/cta/add/?_popup=1",
            ],
            "docs/<path:path>": [f"docs/{name}" for name in DOCUMENTS],
            "shared/<str:token>/": [f"shared/{token}/" for token in rows["tokens"]],
            "admin/experiments/experiment/<int:pk>/approval/": [
                f"admin/experiments/experiment/{rows['asked']}/approval/"
            ],
            "admin/experiments/experiment/<int:pk>/pictures/<slug:name>/": [
                f"admin/experiments/experiment/{pk}/pictures/lifts/"
            ],
            "admin/experiments/cta/together/": [f"admin/experiments/cta/together/?ids={ids}"],
            "admin/^(?P<app_label>accounts|experiments|auth|ml)/$": ["admin/experiments/"],
        }

    def of(self, route):
        """Return the addresses of a route; none for one that is no page."""
        if is_no_page(route):
            return []
        return self._special.get(route) or self._filled(route)

    def all_of_them(self):
        """Return each address once, in the order of the routes."""
        return [path for route in dict.fromkeys(routes()) for path in self.of(route)]

    def person(self, path):
        """Return who asks for an address: a visitor, or a person that has or lacks factors."""
        if re.match(r"account/(login|inactive|sso)|shared/|docs/|$", path):
            return ""
        return "keyed" if re.match(r"account/2fa/(?!totp/activate)", path) else "ada"

    def _filled(self, route):
        model = re.match(r"admin/\w+/(\w+)/", route)
        if "<" not in route:
            return [route]
        rows = self._rows.get(model[1], []) if model else []
        rows = rows if route.endswith(IN_EVERY_STATE) else rows[:1]
        rows = [self._key] if "/webauthn/keys/" in route else rows
        return [re.sub(r"<(path:object_id|int:pk|id)>", str(row), route) for row in rows]
