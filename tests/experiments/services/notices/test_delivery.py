import json
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.mail.backends.locmem import EmailBackend
from standardwebhooks.webhooks import Webhook as Verifier

from experiments import tasks
from experiments.models import Delivery, Membership, Notice
from experiments.services.notices import delivery, webhook_calls
from experiments.services.notices.choices import keep_choice
from experiments.services.notices.delivery import (
    LEASE,
    WAITS,
    deliver_notices,
    drop_trainings,
    retry_given_up,
    send_test,
    spread_notices,
)
from experiments.services.notices.webhook_secrets import secret_of
from tests import factories
from tests.experiments.services.notices.conftest import make_reader, make_webhook, told
from tests.factories import NOW
from tests.threads import in_threads

pytestmark = [pytest.mark.django_db, pytest.mark.on_both_databases]
State = Delivery.State


@pytest.fixture(autouse=True)
def digest_of_the_week(db):
    """No digest of this week is due."""
    year, week, _ = NOW.isocalendar()
    Notice.objects.create(
        kind="digest", at=NOW, occurrence=f"digest:{year}-W{week:02}", spread_at=NOW
    )


def deliver(after=timedelta(0)):
    return deliver_notices(clock=lambda: NOW + after)


def states():
    return sorted(Delivery.objects.values_list("state", flat=True))


def test_each_reader_of_the_site_and_no_other_gets_a_mail_once(site, running_experiment, mails):
    make_reader("ada", site)
    make_reader("root", is_superuser=True)
    make_reader("eve", factories.make_site("other"))
    make_reader("nobody")
    make_reader("gone", site, is_active=False)
    make_reader("silent", site, email="")
    told(running_experiment)
    assert deliver() == 2
    assert deliver() == 0
    assert sorted(mail.to for mail in mails) == [["ada@example.org"], ["root@example.org"]]
    assert states() == [State.SENT, State.SENT]


def test_kinds_that_a_person_has_not_chosen_are_not_mailed(site, running_experiment, mails):
    keep_choice(make_reader("ada", site), mail=["harm"], page=[])
    told(running_experiment)
    told(running_experiment, Notice.Kind.HARM, status="stop_for_harm", winner="")
    deliver()
    assert [mail.subject.split(":")[1].strip() for mail in mails] == ["Stop"]


def test_without_a_mail_server_nothing_waits(site, running_experiment, mails, settings):
    settings.CTAOPT_SENDS_MAIL = False
    make_reader("ada", site)
    told(running_experiment)
    assert deliver() == 0
    assert not Delivery.objects.exists()


def test_role_that_was_taken_away_meanwhile_gets_nothing(site, running_experiment, mails):
    ada = make_reader("ada", site)
    told(running_experiment)
    spread_notices(now=NOW)
    Membership.objects.filter(user=ada).delete()
    assert deliver() == 0
    assert (states(), mails) == ([State.DROPPED], [])


def test_approval_is_asked_of_those_who_may_give_it(site, draft, mails):
    make_reader("max", site, role="marketer")
    make_reader("vera", site)
    told(draft, Notice.Kind.APPROVAL, note="for the sale")
    assert deliver() == 1
    assert mails[0].to == ["max@example.org"]
    assert "for the sale" in mails[0].body


class FailingBackend(EmailBackend):
    """A mail server that does not answer."""

    def send_messages(self, messages):
        raise ConnectionRefusedError


def test_mail_that_fails_is_sent_later_and_once(site, running_experiment, mails, settings):
    make_reader("ada", site)
    told(running_experiment)
    backend = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.FailingBackend"
    assert deliver() == 0
    assert Delivery.objects.get().error == "mail:ConnectionRefusedError"
    settings.EMAIL_BACKEND = backend
    assert deliver(WAITS[0] - timedelta(seconds=1)) == 0
    assert deliver(WAITS[0]) == 1
    assert deliver(timedelta(hours=12)) == 0
    assert len(mails) == 1


def test_webhook_gets_a_signed_notice_once(site, running_experiment, receiver):
    webhook = make_webhook(site, receiver.url(), language="fr")
    make_webhook(site, receiver.url("/off"), is_active=False)
    make_webhook(site, receiver.url("/other"), kinds=["harm"])
    make_webhook(factories.make_site("other"), receiver.url("/foreign"))
    told(running_experiment)
    assert deliver() == 1
    assert deliver() == 0
    ((path, headers, body),) = receiver.came
    assert path == "/hook"
    assert json.loads(body)["data"]["title"] != "Ship “hero-test b”."
    assert str(Delivery.objects.get().message_id) in headers.values()
    signature = next(v for k, v in headers.items() if k.lower() == "webhook-signature")
    signer = Verifier(secret_of(webhook))
    message_id = str(Delivery.objects.get().message_id)
    assert signature == signer.sign(message_id, NOW, body)


def test_training_is_told_where_somebody_who_may_see_it_has_asked(site, receiver, db):
    owner, stranger = (make_reader(name, site, role="owner") for name in ("olga", "igor"))
    rival = factories.make_site("rival")
    Membership.objects.create(user=owner, site=rival, role="viewer")
    make_webhook(site, receiver.url("/asked"), created_by=owner)
    make_webhook(site, receiver.url("/no-role"), created_by=stranger)
    make_webhook(site, receiver.url("/nobody"))
    make_webhook(site, receiver.url("/other"), kinds=["harm"], created_by=owner)
    Notice.objects.create(kind="trained", at=NOW, occurrence="trained:1", facts={"status": "done"})
    deliver()
    assert [path for path, _headers, _body in receiver.came] == ["/asked"]
    body = json.loads(receiver.bodies()[0])
    assert (body["type"], body["data"]["site"]) == ("ctaopt.trained", None)


@pytest.mark.parametrize("how", [500, 307, "hang"])
def test_webhook_that_fails_is_called_again_later_with_the_same_id(
    site, running_experiment, receiver, monkeypatch, how
):
    monkeypatch.setattr(webhook_calls, "DEADLINE_S", 0.3)
    make_webhook(site, receiver.url())
    told(running_experiment)
    receiver.answers = [how, how]
    assert deliver() == 0
    assert deliver(WAITS[0]) == 0
    assert deliver(WAITS[0] + WAITS[1]) == 1
    ids = [
        next(value for name, value in headers.items() if name.lower() == "webhook-id")
        for _, headers, _ in receiver.came
    ]
    assert ids == [str(Delivery.objects.get().message_id)] * 3
    assert (states(), Delivery.objects.get().error) == ([State.SENT], "")


def test_webhook_that_never_answers_is_given_up_visibly_and_can_be_tried_again(
    site, running_experiment, receiver
):
    webhook = make_webhook(site, receiver.url())
    told(running_experiment)
    receiver.answers = [500] * (len(WAITS) + 1)
    after = timedelta(0)
    for wait in (*WAITS, timedelta(0)):
        assert deliver(after) == 0
        after += wait
    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.error) == (State.GIVEN_UP, len(WAITS) + 1, "status:500")
    assert after < timedelta(days=1)
    assert deliver(timedelta(days=9)) == 0
    assert retry_given_up(webhook, now=NOW) == 1
    assert deliver() == 1


def test_receiver_that_has_gone_is_not_called_again(site, running_experiment, receiver):
    make_webhook(site, receiver.url())
    told(running_experiment)
    receiver.answers = [410]
    deliver()
    deliver(timedelta(days=1))
    assert (states(), len(receiver.came)) == ([State.GIVEN_UP], 1)


def test_one_that_hangs_holds_the_others_up_once(
    site, running_experiment, receiver, monkeypatch, mails
):
    monkeypatch.setattr(webhook_calls, "DEADLINE_S", 0.3)
    make_reader("ada", site)
    make_webhook(site, receiver.url("/hangs"))
    for number in range(5):
        told(running_experiment, occurrence=str(number))
    receiver.answers = ["hang"] * 5
    assert deliver() == 5
    assert len(mails) == 5
    assert len(receiver.came) == 1


def test_worker_that_dies_while_it_sends_loses_nothing(site, running_experiment, receiver):
    make_webhook(site, receiver.url())
    told(running_experiment)
    spread_notices(now=NOW)
    # What a worker leaves behind that was killed within its call.
    Delivery.objects.update(claimed_until=NOW + LEASE, attempts=1)
    assert deliver() == 0
    assert deliver(LEASE) == 1
    assert len(receiver.came) == 1


def test_worker_that_dies_between_two_steps_loses_nothing(
    site, running_experiment, receiver, monkeypatch
):
    make_webhook(site, receiver.url())
    told(running_experiment)
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_to_webhooks", lambda *_: iter([1 / 0]))
        with pytest.raises(ZeroDivisionError):
            deliver()
    assert not Delivery.objects.exists()
    assert deliver() == 1


def test_lost_secret_is_named(site, running_experiment, receiver):
    make_webhook(site, receiver.url(), encrypted_secret="lost")
    told(running_experiment)
    deliver()
    assert Delivery.objects.get().error == "secret:"


def test_workers_at_once_deliver_once(real_database, receiver):
    site = factories.make_site()
    experiment = factories.make_running_experiment(factories.make_slot(site))
    make_webhook(site, receiver.url())
    for number in range(10):
        told(experiment, occurrence=str(number))
    sent = in_threads(deliver, deliver, deliver)
    deliver()
    assert not [one for one in sent if isinstance(one, Exception)]
    assert len(receiver.came) == 10
    assert states() == [State.SENT] * 10


def test_digest_reaches_those_who_chose_it_with_their_own_lists(site, running_experiment, mails):
    Notice.objects.all().delete()
    keep_choice(make_reader("ada", site), mail=["digest"], page=[])
    keep_choice(make_reader("bob", site), mail=[], page=[])
    make_reader("eve", factories.make_site("other"))
    assert deliver() == 1
    assert deliver() == 0
    assert [mail.to for mail in mails] == [["ada@example.org"]]


def test_test_of_a_webhook_is_sent_at_once_and_kept_nowhere(site, receiver):
    webhook = make_webhook(site, receiver.url(), is_active=False)
    assert send_test(webhook, "msg-test", now=NOW) == 200
    assert json.loads(receiver.bodies()[0])["data"]["title"] == "This is a test of ctaopt."
    assert not Delivery.objects.exists()


def test_task_delivers(site, running_experiment, receiver):
    make_webhook(site, receiver.url())
    told(running_experiment)
    tasks.deliver_notices()
    assert len(receiver.came) == 1
    assert get_user_model().objects.count() == 0


def test_what_has_arrived_stays_when_trainings_are_dropped(site, running_experiment):
    webhook = make_webhook(site, "https://example.org/")
    told(running_experiment)
    verdict = Notice.objects.get(kind="verdict")
    kept = [Delivery.objects.create(notice=verdict, webhook=webhook, next_at=NOW)]
    for number, state in enumerate(["sent", "waiting", "given_up"]):
        notice = Notice.objects.create(kind="trained", at=NOW, occurrence=f"trained:{number}")
        row = Delivery.objects.create(notice=notice, webhook=webhook, next_at=NOW, state=state)
        kept += [row] if state == "sent" else []
    drop_trainings(webhook)
    assert set(Delivery.objects.all()) == set(kept)
