"""Step 1: an installation with a bit of everything, made by whatever commit is on PYTHONPATH.

Only what every commit has is used: models, tests' factories, the interface, commands, tasks.
`python tests/upgrade/steps/build_site.py FOLDER`, with DATABASE_URL and CTAOPT_DATA_DIR set;
FOLDER gets the scratch files.
"""

import os
import random
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from frozen import CLIENT_KEY, ERASED, EVENTS_PATH, NOW, SERVER_KEY, begin, client

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
N_VISITORS = 260
SEED = 20261122
DICE = random.Random(7)  # noqa: S311  a test's dice


def main(scratch):
    begin()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    site = make_catalogue()
    send_crowd()
    count_events()
    change_courses()
    add_figures(site)
    learn(scratch, call_command)
    erase()
    leave_a_batch()
    leave_jobs()
    leave_a_stream_entry()


def make_catalogue():
    """Experiments of every metric and plan, one with phases, guardrails on each."""
    from experiments.models import Experiment, Guardrail
    from tests import factories

    site = factories.make_site()
    factories.make_server_key(site, SERVER_KEY)
    plans = {
        "hero": {"primary_metric": "click_rate"},
        "footer": {"primary_metric": "conversion_rate", "goal": "signup"},
        "popup": {"primary_metric": "value_per_visitor", "goal": "signup"},
        "banner": {"primary_metric": "click_rate", "plan": "fixed", "planned_visitors": 4_000},
        "menu": {"primary_metric": "click_rate", "plan": "fixed", "planned_visitors": 200},
        "old": {"primary_metric": "click_rate"},
    }
    shares = {"control": "0.34", "b": "0.33", "c": "0.33"}
    for slot, fields in plans.items():
        experiment = factories.make_running_experiment(
            factories.make_slot(site, slot),
            f"{slot}-test",
            shares=shares,
            started_at=NOW - 10 * DAY,
            **fields,
        )
        for metric, goal in (("conversion_rate", "signup"), ("value_per_visitor", "newsletter")):
            Guardrail.objects.create(experiment=experiment, metric=metric, goal=goal)
    phased = Experiment.objects.get(key="hero-test")
    factories.make_phases(phased, ([0.34, 0.33, 0.33], 0.5), ([0.5, 0.25, 0.25], 1.0))
    factories.make_experiment(factories.make_slot(site, "draft"), "draft-test")
    factories.make_library_experiment(site)
    return site


def event(kind, visitor, at, **fields):
    from tests.factories import event_id, event_message

    return event_message(kind, visitor=visitor, at=at.isoformat(), id=str(event_id(at)), **fields)


def journey(visitor, slot):
    """What one visitor does about one slot."""
    # Never quite at a day's boundary, and never two at one moment.
    at = NOW - DICE.randrange(9) * DAY - DICE.randrange(36_000) * timedelta(seconds=1)
    # On one slot the arms are not met as often as they should be.
    arm = DICE.choice(["control", "b", "c", *(["b"] if slot == "menu" else [])])
    attributes = {
        "device": DICE.choice(["mobile", "desktop"]),
        "locale": DICE.choice(["fr", "en"]),
        "new_visitor": DICE.random() < 0.5,
    }
    shown = {"slot": slot, "variant": arm}
    yield event("exposure", visitor, at, **shown, attributes=attributes)
    if DICE.random() < {"control": 0.2, "b": 0.35, "c": 0.25}[arm]:
        yield event("click", visitor, at + timedelta(seconds=9), **shown)
    if DICE.random() < 0.2:
        goal = DICE.choice(["signup", "signup", "newsletter"])
        value = DICE.choice([0.1, 19.99, 7.5, 123.456789])
        yield event("conversion", visitor, at + timedelta(seconds=60), goal=goal, value=value)


def send(messages):
    """Send events as pages do; all are accepted."""
    for start in range(0, len(messages), 50):
        answer = client(CLIENT_KEY).post(EVENTS_PATH, {"events": messages[start : start + 50]})
        assert answer.status in (200, 202), answer.body


def send_crowd():
    slots = ["hero", "footer", "popup", "banner", "menu", "old"]
    messages = [
        message
        for number in range(N_VISITORS)
        for slot in slots
        for message in journey(f"v-{number}", slot)
    ]
    messages += journey(ERASED, "hero")
    send(messages)


def count_events():
    from experiments.tasks import fold_rollups

    fold_rollups.apply(throw=True)


def change_courses():
    """One is paused, one finished, one in the archive."""
    for key, actions in {
        "footer-test": ("pause",),
        "menu-test": ("stop",),
        "old-test": ("stop", "archive"),
    }.items():
        for action in actions:
            answer = client(SERVER_KEY).post(f"/api/v1/experiments/{key}/{action}/", {})
            assert answer.status == 200, answer.body


def add_figures(site):
    """A fixed plan in the middle of its way, with counts that no events stand behind."""
    from experiments.models import Experiment
    from tests import factories

    experiment = Experiment.objects.get(key="banner-test")
    for variant, clicks in zip(experiment.variants.order_by("arm"), (100, 131, 90), strict=True):
        factories.make_rollup(variant, visitors=700, clicks=clicks, day=(NOW - 10 * DAY).date())


def learn(scratch, call_command):
    """Past tests, a predictor trained on them, and a training that was broken off."""
    from django.conf import settings

    from ml import predict
    from ml.history.writing import write_ctaopt
    from ml.models import PredictorVersion
    from tests.ml.factories import learnable_rows

    path = scratch / "history.csv.gz"
    write_ctaopt(learnable_rows(40, locale="en"), path)
    call_command("import_history", path, "--site", "shop")
    call_command("train_predictor", "--strategies", "no_text", "tfidf", "frozen_head")
    version = PredictorVersion.objects.get()
    assert version.status == "active", version.status
    # Its own name is drawn by chance.
    models = Path(settings.CTAOPT_MODEL_DIR)
    (models / version.artifact).rename(models / "predictor-old")
    PredictorVersion.objects.update(artifact="predictor-old")

    def break_off(fraction, stage):
        if stage == "cross_validation" and fraction > 0.3:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        predict.train(predict.archived_rows(), now=NOW, seed=SEED, progress=break_off)
    assert list((models / "unfinished").glob("*/*.safetensors"))


def erase():
    answer = client(SERVER_KEY).request("DELETE", f"/api/v1/visitors/{ERASED}/")
    assert answer.status in (200, 204), answer.body


def leave_a_batch():
    """Stored, but not yet counted."""
    send([message for n in range(30) for message in journey(f"late-{n}", "hero")])


def leave_jobs():
    """A ranking that waits, with its message at the broker; a ranking and a training that hang."""
    from experiments.models import Job

    wanted = {
        "wordings": ["free thing1 now", "submit the form", "plain thing2"],
        "control": "plain thing2",
        "locale": "en",
    }
    answer = client(SERVER_KEY).post("/api/v1/rankings/", wanted)
    assert answer.status == 202, answer.body
    request = Job.objects.get().request
    for kind, asked in (("ranking", request), ("training", {"new": 40})):
        Job.objects.create(
            kind=kind,
            status="running",
            attempt=1,
            progress=0.4,
            request=asked,
            language="fr",
            created_at=NOW - HOUR,
            heartbeat_at=NOW - HOUR,
        )


def leave_a_stream_entry():
    """What a web process with a Redis Stream has appended and nobody has stored."""
    from django.conf import settings

    settings.CTAOPT_EVENTS_URL = os.environ["FIXTURE_REDIS"]
    send([message for n in range(5) for message in journey(f"streamed-{n}", "hero")])
    settings.CTAOPT_EVENTS_URL = ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
