"""Every route x role x own or foreign object: 404 for a foreign one, 403 for too low a role.

The routes are listed by Django's resolver: a new one fails until the tables say whom it is for.
"""

import re
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import LogInRecord
from experiments.models import (
    FrozenReport,
    HistoryArm,
    Job,
    Learning,
    Membership,
    Namespace,
    Notice,
    PastTest,
    ServerKey,
    Tag,
    Upload,
)
from experiments.selectors.permissions import LEAST_ROLES, SITE_LOOKUPS, permission_name
from experiments.services.drafting.experiment_templates import save_as_template
from ml.models import PredictorVersion
from tests import factories
from tests.experiments.services.notices.conftest import make_webhook
from tests.factories import NOW

ROLES = ("nobody", "viewer", "analyst", "marketer", "owner", "superuser")
NEVER = "never"
# Open to everybody, or to each account of the staff: they show nothing of any site.
PUBLIC = {"home", "password_change", "login", "jsi18n", "set_language", "schema", "docs", "logout"}
PUBLIC |= {"documentation", "documentation-file"}
# For whoever has the secret of a link (tests/experiments/pages/test_shared_reports.py).
PUBLIC |= {"shared-report", "shared-picture"}
# The ways in and out of an account, and what a provider of single sign-on sends people back to.
PUBLIC |= {"account_login", "account_logout", "account_inactive", "mfa_authenticate"}
PUBLIC |= {"openid_connect_login", "openid_connect_callback"}
PUBLIC |= {"socialaccount_login_cancelled", "socialaccount_login_error"}
# One's own account: nothing of any site, and of nobody else's. What it does with a row of another
# account is a test below.
OWN_ACCOUNT = {"account_reauthenticate", "account_change_password", "mfa_index"}
OWN_ACCOUNT |= {"mfa_reauthenticate", "mfa_activate_totp", "mfa_deactivate_totp"}
OWN_ACCOUNT |= {"mfa_view_recovery_codes", "mfa_generate_recovery_codes"}
OWN_ACCOUNT |= {"mfa_download_recovery_codes", "mfa_list_webauthn", "mfa_add_webauthn"}
OWN_ACCOUNT |= {"mfa_reauthenticate_webauthn", "mfa_remove_webauthn", "mfa_edit_webauthn"}
OWN_ACCOUNT |= {"usersessions_list", "usersessions_end"}
OWN_ACCOUNT |= {"account_preferences", "account_theme"}
STAFF = {"index", "search", "password_change_done"}
# Not of one row: `object_id` alone redirects to `change`, the rest is no page.
NO_PAGES = {"view_on_site", "autocomplete"}


class Rights(NamedTuple):
    """Least roles for the pages of a model."""

    view: str = "viewer"
    add: str = "marketer"
    change: str = "marketer"
    delete: str = "marketer"


MODELS = {
    "audience": Rights(),
    "site": Rights("viewer", "superuser", "owner", "owner"),
    # A key is made, shown once, revoked; never edited.
    "serverkey": Rights("owner", "owner", NEVER, "owner"),
    "membership": Rights("owner", "owner", "owner", "owner"),
    "webhook": Rights("owner", "owner", "owner", "owner"),
    "tag": Rights(),
    "cta": Rights(),
    "slot": Rights(),
    "namespace": Rights(),
    "experiment": Rights(),
    "historyarm": Rights("viewer", NEVER, NEVER, "owner"),
    "learning": Rights(),
    # Saved from an experiment.
    "experimenttemplate": Rights(add=NEVER),
    # Made from experiments and past wordings.
    "pasttest": Rights("viewer", NEVER, NEVER, NEVER),
    "job": Rights("viewer", NEVER, NEVER, "marketer"),
    "upload": Rights("analyst", NEVER, NEVER, "superuser"),
    "user": Rights("superuser", "superuser", "superuser", "superuser"),
    "predictorversion": Rights("viewer", NEVER, NEVER, NEVER),
    # Of the whole installation, and written by itself.
    "loginrecord": Rights("superuser", NEVER, NEVER, NEVER),
}
# Rows of the whole installation: nobody's own, and no stranger's.
SHARED = {"user", "predictorversion", "loginrecord"}
SIGNUP = {"audience": [], "control": "Go", "wordings": ["Start"], "locale": "en"}
COUNTS = {
    "metric": "proportion",
    "arms": [{"name": "a", "n": 100, "sum": 5}, {"name": "b", "n": 100, "sum": 9}],
}
# Name: method, least role, what is sent.
PAGES = {
    "calculator-significance": ("get", "viewer", None),
    "calculator-sample-size": ("get", "viewer", None),
    "calculator-traffic-split": ("get", "viewer", None),
    "calculator-table": ("get", "viewer", None),
    "experiments_audience_check": ("post", "viewer", {}),
    "experiments_system": ("get", "viewer", None),
    "experiments_visitor_erase": ("get", "owner", None),
    "experiments_notices": ("get", "viewer", None),
    "experiments_notices_open": ("get", "viewer", None),
    "experiments_notices_read": ("post", "viewer", {}),
    "experiments_notices_choices": ("get", "viewer", None),
    "experiments_webhook_test": ("post", "owner", {}),
    "experiments_webhook_retry": ("post", "owner", {}),
    "experiments_webhook_renew": ("post", "owner", {}),
    "experiments_site_holdout": ("get", "viewer", None),
    "experiments_site_access": ("get", "owner", None),
    "experiments_serverkey_rotate": ("post", "owner", {"overlap": "7"}),
    "experiments_serverkey_revoke": ("post", "owner", {"reason": "leaked"}),
    "experiments_learning_shown": ("get", "viewer", None),
    "experiments_pasttest_results": ("get", "viewer", None),
    "experiments_historyarm_principles": ("get", "viewer", None),
    "ml_encoders": ("get", "viewer", None),
    "experiments_job_rank": ("get", "analyst", None),
    "experiments_job_lab": ("get", "analyst", None),
    # Of the whole installation: it needs a role on every site, and there are two.
    "experiments_job_train": ("post", "superuser", {}),
    "experiments_job_watch": ("get", "viewer", None),
    "experiments_job_draft": ("post", "marketer", {}),
    "experiments_job_stop": ("post", "analyst", {}),
    "experiments_job_again": ("post", "analyst", {}),
    "experiments_upload_past_tests": ("get", "analyst", None),
    "experiments_upload_wordings": ("get", "marketer", None),
    "experiments_upload_events": ("get", "owner", None),
    # Of an import of past tests.
    "experiments_upload_show": ("get", "analyst", None),
    "experiments_upload_columns": ("post", "analyst", {}),
    "experiments_upload_confirm": ("post", "analyst", {}),
    "experiments_upload_undo": ("post", "analyst", {}),
    "experiments_experiment_report": ("get", "viewer", None),
    "experiments_experiment_like": ("get", "viewer", None),
    "experiments_experiment_traffic": ("get", "viewer", None),
    "experiments_experiment_picture": ("get", "viewer", None),
    "experiments_experiment_picture_svg": ("get", "viewer", None),
    "experiments_app_picture_svg": ("get", "viewer", None),
    # The versions; what is done there, test_frozen.py asks.
    "experiments_experiment_frozen": ("get", "viewer", None),
    "experiments_experiment_frozen_picture": ("get", "viewer", None),
    "experiments_experiment_annotations": ("post", "analyst", {}),
    "experiments_experiment_comments": ("post", "analyst", {"text": "Why?"}),
    "experiments_experiment_labels": ("post", "marketer", {"tags": "spring"}),
    "experiments_experiment_step": ("post", "marketer", {}),
    "experiments_experiment_new": ("get", "marketer", None),
    "experiments_experiment_calendar": ("get", "viewer", None),
    "experiments_experiment_template": ("get", "marketer", None),
    "experiments_experiment_aa": ("get", "marketer", None),
    "experiments_cta_compose": ("get", "marketer", None),
    "experiments_site_compose": ("get", "superuser", None),
    "experiments_site_settings": ("get", "viewer", None),
    "experiments_slot_compose": ("get", "marketer", None),
    "experiments_slot_settings": ("get", "viewer", None),
    "experiments_audience_compose": ("get", "marketer", None),
    "experiments_audience_settings": ("get", "viewer", None),
    "experiments_webhook_compose": ("get", "owner", None),
    "experiments_webhook_settings": ("get", "owner", None),
    "experiments_cta_undo": ("get", "marketer", None),
    "experiments_cta_archive": ("post", "marketer", {}),
    "experiments_cta_together": ("get", "marketer", None),
    "experiments_cta_studio": ("get", "viewer", None),
    "experiments_experiment_end": ("get", "marketer", None),
    "experiments_experiment_undo_promotion": ("post", "marketer", {}),
    "experiments_experiment_follow_up": ("post", "marketer", {}),
    "experiments_experiment_approval": ("post", "marketer", {"action": "ask"}),
    "auth_user_password_change": ("get", "superuser", None),
}
EDITED_KINDS = ("cta", "audience", "slot", "namespace", "experiment")
BODIES = {
    "cta-create": {"name": "N", "destination": "/n", "wordings": [{"locale": "en", "text": "Go"}]},
    "cta-change": {"size": "large"},
    "audience-create": {"key": "new", "name": "New", "condition": {}},
    "audience-change": {"name": "New"},
    "slot-create": {"key": "new", "name": "New", "default_cta": 10**6},
    "slot-change": {"name": "New"},
    "namespace-create": {"key": "new", "seed": "new"},
    "namespace-change": {"seed": "new"},
    "experiment-create": {"slot": "hero", "key": "new", "name": "New"},
    "experiment-change": {"name": "New"},
}
READ = ("report", "readiness", "previews", "history", "approval")
API = {
    "analyze": ("post", "viewer", COUNTS),
    "rankings": ("post", "analyst", SIGNUP | {"audience": ""}),
    "ranking": ("get", "viewer", None),
    # Of the site that the query names.
    "holdout": ("get", "viewer", None),
    "principles": ("get", "viewer", None),
    "past-tests": ("get", "viewer", None),
    "learnings": ("get", "viewer", None),
    "frozen-reports": ("get", "viewer", None),
    "frozen-create": ("post", "analyst", {"experiment": "shop-running"}),
    "frozen-report": ("get", "viewer", None),
    "frozen-links": ("get", "viewer", None),
    # Who shares makes public; a body without a moment is refused after that.
    "frozen-share": ("post", "marketer", {}),
    "share-link": ("delete", "marketer", None),
    "visitor": ("delete", "owner", None),
    "visitor-read": ("get", "owner", None),
    "api-root": ("get", "viewer", None),
    **{
        f"{model}-{page}": ("get", "viewer", None)
        for model in ("cta", "audience", "slot", "namespace", "experiment", "site")
        for page in ("list", "detail")
    },
    **{
        f"{model}-{page}": (method, "marketer", BODIES.get(f"{model}-{page}"))
        for model in EDITED_KINDS
        for page, method in (("create", "post"), ("change", "patch"), ("remove", "delete"))
    },
    # A site is created by a superuser, and changed with a scope of its own.
    "site-create": ("post", "superuser", {"key": "new", "name": "New"}),
    "site-change": ("patch", "owner", {"name": "Shop"}),
    **{f"experiment-{page}": ("get", "viewer", None) for page in READ},
    **{
        f"experiment-{step}": ("post", "marketer", {})
        for step in ("start", "pause", "resume", "stop", "archive", "schedule", "traffic")
    },
    **{f"cta-{page}": ("get", "viewer", None) for page in ("checks", "use")},
    **{f"{kind}-copy": ("post", "marketer", {}) for kind in ("cta", "experiment")},
    "site-history": ("get", "viewer", None),
    "experiment-comments": ("get", "viewer", None),
    # Which one is not said: it is refused for that, after the role.
    "experiment-comment": ("post", "analyst", {"text": "Why?"}),
    "experiment-uncomment": ("delete", "analyst", None),
    "experiment-labels": ("post", "marketer", {"tags": [], "owner": None}),
    "experiment-decision": ("post", "marketer", {"outcome": "invalid"}),
    "experiment-undo-promotion": ("post", "marketer", {}),
    "experiment-ask-approval": ("post", "marketer", {}),
    "experiment-answer-approval": ("post", "marketer", {"approve": True}),
    **{f"cta-{step}": ("post", "marketer", {}) for step in ("archive", "restore")},
    "audience-reach": ("get", "viewer", None),
    "experiment-ramp": ("post", "marketer", {"steps": []}),
    "experiment-restore-arm": ("post", "marketer", {"arm": "b"}),
    "experiment-roll-back": ("post", "marketer", {"reason": "Too slow"}),
}
# Of a site that a person names in the query.
ASKED_BY_KEY = {"visitor", "holdout", "learnings"}
# Further methods of a route, by the name of the first.
ALSO = {
    "visitor": ["visitor-read"],
    "experiment-comments": ["experiment-comment", "experiment-uncomment"],
    "frozen-reports": ["frozen-create"],
    "frozen-links": ["frozen-share"],
    "site-list": ["site-create"],
    "site-detail": ["site-change"],
    **{f"{kind}-list": [f"{kind}-create"] for kind in EDITED_KINDS},
    **{f"{kind}-detail": [f"{kind}-change", f"{kind}-remove"] for kind in EDITED_KINDS},
}


class Probe(NamedTuple):
    template: str
    method: str
    least: str
    sent: dict | None
    model: str


def walk(patterns, prefix=""):
    for one in patterns:
        template = prefix + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from walk(one.url_patterns, template)
        else:
            yield template, one.name


def probes():
    """What is asked of every route; a route that no table knows is a probe that fails."""
    for template, name in walk(get_resolver().url_patterns):
        yield from probes_of(template, name)


def probes_of(template, name):
    if name is None and template.startswith("admin/"):
        return  # A redirect: to the account's page for passwords, or to the page of a row.
    if name in PUBLIC | NO_PAGES | OWN_ACCOUNT:
        return
    crud = re.fullmatch(r"[a-z]+_([a-z]+)_(changelist|add|history|delete|change)", name)
    if template.startswith("api/"):
        for one in (name, *ALSO.get(name, ())):
            yield Probe(template, *API[one], one.split("-")[0])
    elif name == "app_list":
        yield Probe(template, "get", "viewer", None, "app")
    elif name in STAFF:
        yield Probe(template, "get", "nobody", None, "")
    elif name in PAGES:
        yield Probe(template, *PAGES[name], name.split("_")[1] if "_" in name else "")
    elif crud:
        yield from crud_probes(template, *crud.groups())
    else:
        raise KeyError(f"{template} ({name}): say in a table whom it is for")


def crud_probes(template, model, page):
    rights = MODELS[model]
    if page in {"add", "delete"}:
        yield Probe(template, "get", getattr(rights, page), None, model)
        return
    yield Probe(template, "get", rights.view, None, model)
    if page == "change":
        yield Probe(template, "post", rights.change, {}, model)


def is_of_a_row(probe):
    return ("<" in probe.template and probe.model != "app") or probe.model in {
        "holdout",
        "learnings",
    }


def path_of(probe, things):
    """The address of the route for a site's things."""
    path = re.sub(r"\(\?P<app_label>[^)]*\)", "experiments", probe.template)
    row = things[probe.model] if is_of_a_row(probe) else None
    number = str(row.pk if row is not None and not isinstance(row, str) else row)
    path = path.replace("(?P<key>[-a-zA-Z0-9_]+)", row.key if hasattr(row, "key") else number)
    path = path.replace("(?P<pk>[^/.]+)", number).replace("<slug:name>", "start")
    path = path.replace("<slug:digest>", "0").replace("<slug:look>", "wide")
    path = path.replace("<int:version>", "0")
    path = re.sub(r"<[a-z]+:visitor>", "v-1", path)
    path = re.sub(r"<(\w+:)?(object_id|pk|id)>", number, path)
    query = f"?site={things['site'].key}&goal=sale" if probe.model in ASKED_BY_KEY else ""
    return "/" + path.replace("^", "").replace("$", "") + query


def things_of(site):
    """A row of each kind on a site."""
    name = site.key
    site.holdout = Decimal("0.1")
    site.save()
    slot = factories.make_slot(site)
    running = factories.make_running_experiment(slot, f"{name}-running")
    factories.make_event(running.variants.get(key="b"))
    # Beside another audience, so that it can start.
    audience = factories.make_audience(site)
    moments = {"created_at": NOW, "heartbeat_at": NOW, "language": "en"}
    asked = {"locale": "en", "slot_pk": slot.pk}
    frozen = FrozenReport.objects.create(
        experiment=running, frozen_at=NOW, code_version="1", digest="d", content="{}"
    )
    ranking = Job.objects.create(kind="ranking", site=site, request=asked, **moments)
    factories.make_server_key(site, scopes=ServerKey.Scope.values)
    return {
        "site": site,
        "serverkey": site.server_keys.get(),
        "tag": Tag.objects.create(site=site, name="spring"),
        "cta": factories.make_cta(site, "Unused"),
        "slot": slot,
        "audience": factories.make_audience(site, "unused"),
        "namespace": Namespace.objects.create(site=site, key="all", seed=name),
        "experiment": factories.make_experiment(slot, f"{name}-draft", audience=audience),
        "historyarm": HistoryArm.objects.create(
            site=site, test="t", text="Go", visitors=10, clicks=1, digest="d"
        ),
        "experimenttemplate": save_as_template(experiment=running, name=name, now=NOW),
        "learning": Learning.objects.create(site=site, statement="S", written_at=NOW),
        "pasttest": PastTest.objects.create(
            site=site, source="import", name="t", verdict="open", digest="d", kept_at=NOW
        ),
        "job": ranking,
        "upload": Upload.objects.create(
            site=site, kind="history", name="t.csv", size=1, created_at=NOW
        ),
        "ranking": ranking,
        # Of a moment after the accounts were made.
        "notices": Notice.objects.create(
            site=site, kind="started", at=timezone.now() + timedelta(hours=1), occurrence=name
        ),
        "webhook": make_webhook(site, "https://127.0.0.1:9/"),
        "frozen": frozen,
        "share": frozen.links.create(
            token_digest=name, created_at=NOW, expires_at=NOW + timedelta(days=7)
        ),
        "learnings": site,
        "visitor": "v-1",
        "holdout": site,
        "membership": Membership.objects.create(
            site=site, role="viewer", user=factories.make_person(f"guest of {name}")
        ),
    }


@pytest.fixture(scope="module")
def made_world(django_db_setup, django_db_blocker):
    """The shop's things, the rival's, and people, in a transaction around those of the tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture
def world(made_world, db):
    """The shop's things, the rival's, and a browser for each role on the shop."""
    own, foreign, cookies = deepcopy(made_world)
    clients = {role: Client() for role in cookies}
    for role, client in clients.items():
        client.cookies = cookies[role]
    return own, foreign, clients


def make_world():
    site, other_site = factories.make_site(), factories.make_site("rival")
    shared = {
        "user": factories.make_person("somebody"),
        "predictorversion": PredictorVersion.objects.create(
            number=1,
            status="rejected",
            created_at=NOW,
            manifest={
                "data": {"groups": 3},
                "metrics": {},
                "ceiling": {"binomial": {"value": 0.7, "low": 0.6, "high": 0.8}},
                "gate": {"verdicts": []},
                "configuration": {"encoder": {"name": "minilm"}},
            },
        ),
        "loginrecord": LogInRecord.objects.create(at=NOW, kind="log_in"),
        "": None,
    }
    own, foreign = things_of(site) | shared, things_of(other_site) | shared
    people = {
        "nobody": factories.make_person("nobody"),
        "superuser": get_user_model().objects.create_superuser("owner"),
        **{role: factories.make_member(site, role, f"the {role}") for role in ROLES[1:-1]},
    }
    clients = {role: Client() for role in people}
    for role, client in clients.items():
        client.force_login(people[role])
    return own, foreign, {role: client.cookies for role, client in clients.items()}


def ask(client, probe, things):
    sent = {} if probe.sent is None else {"data": probe.sent}
    if probe.template.startswith("api/") and probe.method in {"post", "patch"}:
        sent["content_type"] = "application/json"
    if probe.method == "post" and probe.model in EDITED_KINDS and "<" not in probe.template:
        # A person names the site of a new row.
        sent["data"] = {**probe.sent, "site": things["site"].key}
    with transaction.atomic():
        answer = getattr(client, probe.method)(path_of(probe, things), **sent)
        transaction.set_rollback(True)
    return answer


def outcome(answer):
    if answer.status_code == 302 and "/login/" in answer.headers["Location"]:
        return "log in"
    return answer.status_code if answer.status_code in {401, 403, 404} else "allowed"


def expected(probe, role, *, is_own):
    """The rule, told once: too low is 403, foreign is 404, superusers may what anybody may."""
    if role == "superuser":
        return 403 if probe.least == NEVER else "allowed"
    if is_unheard_of(probe) and not (is_own and is_seen(probe, role)):
        return 404
    if role == "nobody" and probe.model == "app":
        return 404  # Django lists no app of which nothing may be seen.
    enough = probe.least != NEVER and ROLES.index(role) >= ROLES.index(probe.least)
    return "allowed" if enough else 403


def is_seen(probe, role):
    """Rows that a role may not even see are not found; the API says first that there is no role."""
    least = MODELS[probe.model].view if probe.model in MODELS else "viewer"
    return ROLES.index(role) >= ROLES.index(least)


def is_unheard_of(probe):
    """Rows of two sites: there is an own and a foreign one."""
    return is_of_a_row(probe) and probe.model not in SHARED


@pytest.mark.parametrize("probe", [*probes()], ids=lambda probe: f"{probe.method} {probe.template}")
def test_route_is_for_its_roles(world, probe):
    own, foreign, clients = world
    if probe.template.startswith("api/"):
        # Without any role there is nothing to look for.
        assert outcome(ask(clients.pop("nobody"), probe, own)) == 403
    sides = ((foreign, False), (own, True)) if is_unheard_of(probe) else ((own, True),)
    wrong = {
        (role, "own" if is_own else "foreign"): (found, said)
        for things, is_own in sides
        for role in clients
        if (found := outcome(ask(clients[role], probe, things)))
        != (said := expected(probe, role, is_own=is_own))
    }
    assert wrong == {}
    assert outcome(ask(Client(), probe, own)) in {"log in", 401}


def of_one_s_account():
    for template, name in walk(get_resolver().url_patterns):
        if name in OWN_ACCOUNT:
            yield name, "/" + template.replace("<int:pk>", "{pk}")


ROW_OF_AN_ACCOUNT = {
    "usersessions_end": UserSession,
    "mfa_edit_webauthn": Authenticator,
    "mfa_remove_webauthn": Authenticator,
}


@pytest.mark.parametrize(("name", "path"), [*of_one_s_account()])
def test_account_is_one_s_own(db, name, path):
    """A stranger is sent to the log-in; a row of another account is not there."""
    owner, eve = Client(), Client()
    somebody = factories.make_person("somebody else")
    owner.force_login(somebody)
    UserSession.objects.create(
        user=somebody, session_key=owner.session.session_key, ip="192.0.2.1", user_agent="x"
    )
    Authenticator.objects.create(user=somebody, type="webauthn", data={"name": "key"})
    kind = ROW_OF_AN_ACCOUNT.get(name)
    path = path.format(pk=kind.objects.get(user=somebody).pk) if kind else path
    for method in ("get", "post"):
        answer = getattr(Client(), method)(path)
        assert answer.status_code in {302, 405}
        assert answer.status_code == 405 or "/login/" in answer.headers["Location"]
    eve.force_login(factories.make_person("eve"))
    answer = eve.post(path)
    if kind:
        # A second factor asks who it is before it looks for the row.
        assert answer.status_code in {404, 403, 302}
        assert kind.objects.filter(user=somebody).exists()
    assert owner.get("/admin/").status_code == 200


SERVED = [probe for probe in probes() if probe.template.startswith("api/")]


@pytest.mark.parametrize("probe", SERVED, ids=lambda probe: f"{probe.method} {probe.template}")
def test_server_key_reaches_its_own_site_only(world, probe):
    own, foreign, _ = world
    server = Client(headers={"X-API-Key": "shop-server-key"})
    assert outcome(ask(server, probe, own)) == (403 if is_for_people(probe) else "allowed")
    # A key names no site: its own is meant.
    if is_of_a_row(probe) and probe.model not in ASKED_BY_KEY:
        assert outcome(ask(server, probe, foreign)) == 404


def is_for_people(probe):
    """A server belongs to its site, and creates no other."""
    return (probe.model, probe.method) == ("site", "post")


# Routes whose scope is not that of their verb: GET reads, everything else writes.
SCOPES = {
    "analyze": "analyse",
    "rankings": "analyse",
    "ranking": "analyse",
    "principles": "analyse",
    "visitor": "erase",
}


@pytest.mark.parametrize("probe", SERVED, ids=lambda probe: f"{probe.method} {probe.template}")
def test_server_key_needs_the_scope_of_the_route(world, probe):
    """One scope opens the route, and all others together do not: for own and foreign rows."""
    own, foreign, _ = world
    needed = SCOPES.get(probe.model, "read" if probe.method == "get" else "write")
    if probe.model == "site" and probe.method != "get":
        needed = "manage"
    others = [scope for scope in ServerKey.Scope.values if scope != needed]
    factories.make_server_key(own["site"], "just-this", scopes=[needed])
    factories.make_server_key(own["site"], "all-others", scopes=others)
    just_this = Client(headers={"X-API-Key": "just-this"})
    all_others = Client(headers={"X-API-Key": "all-others"})
    assert outcome(ask(just_this, probe, own)) == (403 if is_for_people(probe) else "allowed")
    for things in (own, foreign):
        answer = ask(all_others, probe, things)
        assert (answer.status_code, needed in answer.json()["detail"]) == (403, True)


LISTS = ["site", "serverkey", "membership", "tag", "cta", "slot", "audience", "namespace"]
LISTS += ["experiment", "historyarm", "job"]


@pytest.mark.parametrize("model", LISTS)
def test_list_and_its_filters_show_the_own_site_only(world, model):
    own, foreign, clients = world
    foreign["site"].name = "Zweitmarke"
    foreign["site"].save()
    answer = clients["owner"].get(f"/admin/experiments/{model}/")
    assert own[model] in answer.context["cl"].queryset
    assert foreign[model] not in answer.context["cl"].queryset
    assert "Zweitmarke" not in answer.content.decode()
    assert "Zweitmarke" in clients["superuser"].get("/admin/experiments/site/").content.decode()


@pytest.mark.parametrize("model", ["cta", "slot", "audience", "experiment"])
def test_list_of_the_api_shows_the_own_site_only(world, model):
    _, _, clients = world
    rows = clients["viewer"].get(f"/api/v1/{model}s/").json()["results"]
    assert {row["site"] for row in rows} == {"shop"}
    both = clients["superuser"].get(f"/api/v1/{model}s/").json()["results"]
    assert {row["site"] for row in both} == {"shop", "rival"}


@pytest.mark.parametrize(
    ("model", "field"), [("experiment", "slot"), ("variant", "cta"), ("cta", "tags")]
)
def test_autocomplete_offers_the_own_site_only(world, model, field):
    own, foreign, clients = world
    asked = {"app_label": "experiments", "model_name": model, "field_name": field}
    found = clients["viewer"].get("/admin/autocomplete/", asked).json()["results"]
    name = {"tags": "tag"}.get(field, field)
    assert str(own[name].pk) in {row["id"] for row in found}
    assert str(foreign[name].pk) not in {row["id"] for row in found}
    assert clients["nobody"].get("/admin/autocomplete/", asked).status_code == 403


@pytest.mark.parametrize("model", ["serverkey", "cta", "slot", "audience", "tag", "membership"])
def test_form_takes_no_site_but_one_s_own(world, model):
    own, foreign, clients = world
    page = clients["owner"].get(f"/admin/experiments/{model}/add/")
    offered = page.context["adminform"].form.fields["site"].queryset
    assert list(offered) == [own["site"]]
    sent = {"site": foreign["site"].pk, "name": "x", "key": "x", "role": "owner"}
    clients["owner"].post(f"/admin/experiments/{model}/add/", sent)
    made = {"role": "owner"} if model == "membership" else {"name": "x"}
    assert not type(own[model]).objects.filter(site=foreign["site"], **made).exists()


@pytest.mark.parametrize(
    ("model", "action"),
    [
        ("serverkey", "revoke"),
        ("serverkey", "delete_selected"),
        ("experiment", "duplicate"),
        ("cta", "duplicate"),
    ],
)
def test_action_asks_for_each_row(world, model, action):
    """A person who is owner of one site and viewer of the other chooses rows of both."""
    own, foreign, clients = world
    person = own["site"].memberships.get(role="owner").user
    Membership.objects.create(user=person, site=foreign["site"], role="viewer")
    chosen = [own[model].pk, foreign[model].pk]
    sent = {"action": action, "_selected_action": chosen, "post": "yes"}
    clients["owner"].post(f"/admin/experiments/{model}/", sent)
    kind = type(own[model])
    foreign[model].refresh_from_db()
    if action == "revoke":
        assert foreign[model].revoked_at is None
    if action == "duplicate":
        copies = kind.objects.filter(name__endswith="(copy)")
        assert not copies.exists()


def test_owner_makes_no_superuser_and_no_account(world):
    own, _, clients = world
    owner = own["site"].memberships.get(role="owner").user
    url = f"/admin/auth/user/{owner.pk}/change/"
    assert clients["owner"].post(url, {"is_superuser": "on"}).status_code == 403
    owner.refresh_from_db()
    assert owner.is_superuser is False


def test_owner_gives_roles_to_people_of_the_own_site_only(world):
    own, foreign, clients = world
    page = clients["owner"].get("/admin/experiments/membership/add/")
    offered = set(page.context["adminform"].form.fields["user"].queryset)
    assert own["membership"].user in offered
    assert foreign["membership"].user not in offered


def test_menu_leads_only_where_the_person_may_go(world):
    _, _, clients = world
    for role in ROLES:
        page = clients[role].get("/admin/")
        for group in page.context["sidebar_navigation"]:
            for item in group["items"]:
                status = clients[role].get(str(item["link"])).status_code
                assert (item["has_permission"], role) == (status == 200, role), item["link"]


def test_site_less_ranking_is_its_author_s(world):
    _, _, clients = world
    person = Membership.objects.get(role="analyst").user
    moments = {"created_at": NOW, "heartbeat_at": NOW, "language": "en"}
    job = Job.objects.create(kind="ranking", created_by=person, **moments)
    url = f"/admin/experiments/job/{job.pk}/watch/"
    assert clients["analyst"].get(url).status_code == 200
    assert clients["owner"].get(url).status_code == 404


def test_every_kind_of_row_on_a_page_has_its_role():
    """Without one it would be closed to all but superusers, without anybody noticing."""
    pages = admin.site._registry.values()
    kinds = {page.model for page in pages} | {row.model for page in pages for row in page.inlines}
    own = {kind for kind in kinds if kind._meta.app_label == "experiments"}
    assert own - set(SITE_LOOKUPS) == set()
    assert {kind for kind in own if permission_name("view", kind) not in LEAST_ROLES} == set()
