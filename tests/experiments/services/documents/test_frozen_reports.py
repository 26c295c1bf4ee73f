"""Frozen reports: content, hash and days; links and their limits."""

import hashlib
import json
from datetime import timedelta

import pytest

from experiments.models import Change
from experiments.selectors.reports import changes_since, visitors_of
from experiments.services.documents.frozen_reports import (
    CannotShareError,
    Lock,
    canonical_text,
    freeze_report,
    is_intact,
    is_password_of,
    link_of_token,
    revoke_link,
    share_report,
)
from experiments.services.exploration.report_view import ViewRefusedError
from experiments.services.lifecycle.change_log import Occasion
from tests.experiments.services.counted_experiments import concluded, count
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
AT_NOON = Occasion(now=NOW)


@pytest.fixture
def experiment(running_experiment):
    count(running_experiment, (4_000, 400), (4_000, 520))
    return concluded(running_experiment).report.experiment


def freeze(experiment, view=None, occasion=AT_NOON):
    return freeze_report(
        experiment=experiment, view=view or {}, code_version="1.0", occasion=occasion
    )


def test_frozen_report_keeps_its_figures_when_visitors_come(experiment):
    frozen = freeze(experiment)
    count(experiment, (100, 90), (100, 1), phase=1)
    content = json.loads(frozen.content)
    assert [arm["clicks"] for arm in content["arms"]] == [400, 520]
    assert (frozen.visitors, visitors_of(experiment)) == (8_000, 8_200)
    yesterday = NOW.date() - timedelta(days=1)
    assert (frozen.first_day, frozen.last_day, frozen.code_version) == (yesterday, yesterday, "1.0")


def test_hash_is_that_of_the_text_as_it_is_stored(experiment):
    frozen = freeze(experiment)
    frozen.refresh_from_db()
    assert frozen.digest == hashlib.sha256(frozen.content.encode("utf-8")).hexdigest()
    assert is_intact(frozen)
    frozen.content = frozen.content.replace("520", "521")
    assert not is_intact(frozen)


def test_same_report_has_the_same_hash(experiment):
    assert freeze(experiment).digest == freeze(experiment).digest
    later = Occasion(now=NOW + timedelta(seconds=1))
    assert freeze(experiment, occasion=later).digest != freeze(experiment).digest


def test_order_of_keys_does_not_count():
    assert canonical_text({"b": 1, "a": "é"}) == canonical_text({"a": "é", "b": 1})
    assert canonical_text({"b": 1, "a": "é"}) == '{"a":"é","b":1}'


def test_view_is_frozen_with_the_report(experiment):
    frozen = freeze(experiment, {"arm": "control", "against": "b"})
    assert json.loads(frozen.content)["view"]["against"] == "b"
    assert "view" not in json.loads(freeze(experiment).content)


def test_view_without_sense_freezes_nothing(experiment):
    with pytest.raises(ViewRefusedError):
        freeze(experiment, {"arm": "z"})
    assert experiment.frozen_reports.count() == 0


def test_draft_is_not_frozen(draft):
    with pytest.raises(CannotShareError, match="draft"):
        freeze(draft)


def test_freezing_sharing_and_revoking_are_in_the_history(experiment, owner):
    occasion = Occasion(now=NOW, author=owner)
    frozen = freeze(experiment, occasion=occasion)
    lock = Lock(expires_at=NOW + timedelta(days=1))
    link, _ = share_report(frozen=frozen, lock=lock, occasion=occasion)
    assert revoke_link(link=link, occasion=occasion)
    lines = list(experiment.changes.values_list("kind", "author", "note")[:3])
    assert lines == [
        (kind, owner.pk, frozen.digest[:12]) for kind in ("unshare", "share", "freeze")
    ]


def test_changes_since_leave_out_what_concerns_readers(experiment):
    frozen = freeze(experiment)
    for kind, hours in (("pause", 1), ("freeze", 2), ("share", 3), ("resume", 4), ("shares", -1)):
        Change.objects.create(experiment=experiment, kind=kind, at=NOW + timedelta(hours=hours))
    assert [change.kind for change in changes_since(frozen)] == ["resume", "pause"]


@pytest.mark.parametrize(
    ("days", "password", "fields"),
    [
        (0, "", {"expires"}),
        (-1, "", {"expires"}),
        (366, "", {"expires"}),
        (1, "short", {"password"}),
        (1, "x" * 129, {"password"}),
        (0, "short", {"expires", "password"}),
    ],
)
def test_limits_of_a_link_are_named_by_field(experiment, days, password, fields):
    lock = Lock(expires_at=NOW + timedelta(days=days), password=password)
    with pytest.raises(CannotShareError) as refusal:
        share_report(frozen=freeze(experiment), lock=lock, occasion=AT_NOON)
    assert set(refusal.value.faults) == fields


def test_link_opens_until_it_expires_or_is_revoked(experiment):
    end = NOW + timedelta(days=1)
    link, token = share_report(
        frozen=freeze(experiment), lock=Lock(expires_at=end), occasion=AT_NOON
    )
    assert link_of_token(token, now=end - timedelta(seconds=1)) == link
    assert link_of_token(token, now=end) is None
    assert link_of_token(token + "x", now=NOW) is None
    assert revoke_link(link=link, occasion=AT_NOON)
    assert link_of_token(token, now=NOW) is None
    assert not revoke_link(link=link, occasion=AT_NOON)
    assert experiment.changes.filter(kind="unshare").count() == 1


def test_password_is_hashed_and_checked(experiment):
    lock = Lock(expires_at=NOW + timedelta(days=1), password="correct horse")
    link, _ = share_report(frozen=freeze(experiment), lock=lock, occasion=AT_NOON)
    assert "correct horse" not in link.password
    assert is_password_of(link, "correct horse")
    assert not is_password_of(link, "correct horses")
    assert not is_password_of(link, "")
    assert not is_password_of(link, "x" * 100_000)


def test_secrets_of_links_are_long_and_differ(experiment):
    frozen, lock = freeze(experiment), Lock(expires_at=NOW + timedelta(days=1))
    tokens = {share_report(frozen=frozen, lock=lock, occasion=AT_NOON)[1] for _ in range(20)}
    assert (len(tokens), {len(token) for token in tokens}) == (20, {43})
