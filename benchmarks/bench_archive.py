"""The archive with 10,000 past tests: list, filter, search by words and by meaning, learnings.

Half are own experiments, half imported tests, 25,000 wordings in all; rows are written as the
upkeep leaves them. Time of the processor and of the wall for the whole request of a superuser, and
the size of the answer; SQLite in memory. The search by meaning uses the int8 copy of the packaged
encoder, in this process: `find_by_meaning` is the scoring service's part, `meaning` the whole page
without the socket between them.
"""
# ruff: noqa: E402, PLC0415 - the path and Django are set up before what depends on them

import math
import os
import statistics
import sys
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlencode

# The file runs as a script and as a module.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from recording import record

TESTS, SEED = 10_000, 20_261_129
REQUESTS, TARGET_MS, SEARCH_TARGET_MS = 5, 200, 300
# The last two are not in the vocabulary of the tests.
QUESTIONS = ("reserver ma place", "free trial", "purchase", "demander un prix")
VERBS = ("Réserver", "Télécharger", "Get", "Try", "Je découvre", "Book")
THINGS = ("ma place", "le guide", "my free trial", "the offer", "mon devis", "a demo")
ENDS = ("", " maintenant", " gratuitement", " now", " in 2 minutes", " aujourd'hui")
PAGES = {
    "list": "/admin/experiments/pasttest/",
    "page_100": "/admin/experiments/pasttest/?p=100",
    "verdict": "/admin/experiments/pasttest/?verdict__exact=winner",
    "principle": "/admin/experiments/pasttest/?principle=urgency",
    "words": "/admin/experiments/pasttest/?q=reserver+maintenant",
    "api": "/api/v1/past-tests/?q=guide&limit=50",
    "learnings": "/admin/experiments/learning/shown/",
}


def main() -> None:
    set_up()
    add_past_tests()
    figures = {name: measured(path) for name, path in PAGES.items()}
    with TemporaryDirectory() as folder:
        searches = measured_searches(Path(folder))
    record(
        "archive",
        {
            "seed": SEED,
            "tests": TESTS,
            "target_ms": TARGET_MS,
            "pages": figures,
            "search_target_ms": SEARCH_TARGET_MS,
            "searches": searches,
        },
    )


def set_up() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "ctaopt.settings.test"
    import django
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    get_user_model().objects.create_superuser("owner")
    from tests import factories

    site = factories.make_site()
    for number in range(20):
        factories.make_slot(site, f"slot-{number}")


def add_past_tests() -> None:
    """Write the past tests; an experiment behind each own one."""
    import numpy as np

    from experiments.models import Experiment, PastTest, Site
    from tests.factories import NOW, STARTED

    site, rng = Site.objects.get(), np.random.default_rng(SEED)
    slots = list(site.slots.all())
    experiments = Experiment.objects.bulk_create(
        Experiment(
            slot=slots[number % len(slots)],
            key=f"test-{number}",
            name=f"Test {number}",
            status="archived",
            started_at=STARTED,
            stopped_at=NOW,
        )
        for number in range(TESTS // 2)
    )
    rows = [past_test(site, number, experiments, rng) for number in range(TESTS)]
    PastTest.objects.bulk_create(rows, batch_size=500)


def past_test(site: Any, number: int, experiments: list[Any], rng: Any) -> Any:
    from experiments.models import PastTest
    from experiments.services.archive.entries import columns_of, folded
    from tests.factories import NOW

    experiment = experiments[number] if number < len(experiments) else None
    arms = [arm(place, experiment is not None, rng) for place in range(2 + number % 2)]
    texts = [one.text for one in arms]
    return PastTest(
        site=site,
        digest=str(number),
        source="import" if experiment is None else "experiment",
        experiment=experiment,
        name=f"Test {number}",
        verdict=("winner", "control", "inconclusive")[number % 3] if experiment else "different",
        best=texts[1],
        lift=float(rng.normal(0.02, 0.1)) if experiment else None,
        slot=experiment.slot if experiment else None,
        audience=("", "mobile", "french")[number % 3],
        locale=("fr", "en")[number % 2],
        ended_on=date(2020, 1, 1) + timedelta(days=number % 2_500),
        words=folded(f"Test {number}", *texts),
        kept_at=NOW,
        **columns_of(arms),
    )


def arm(place: int, has_control: bool, rng: Any) -> Any:  # noqa: FBT001 - one of two layouts
    from experiments.services.archive.entries import ArmEntry, language_of

    text = rng.choice(VERBS) + " " + rng.choice(THINGS) + rng.choice(ENDS)
    visitors, rate = 5_000, float(rng.uniform(0.03, 0.08))
    clicks = int(rng.binomial(visitors, rate))
    log = math.log(clicks / visitors)
    return ArmEntry(
        text=text,
        visitors=visitors,
        clicks=clicks,
        rate=clicks / visitors,
        is_control=has_control and place == 0,
        log=(0.0 if place == 0 else log - math.log(0.05)) if has_control else log,
        variance=(1 - clicks / visitors) / clicks,
        **language_of(text, ""),  # type: ignore[arg-type]
    )


def measured(path: str) -> dict[str, float]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client()
    client.force_login(get_user_model().objects.get())
    answer = client.get(path)  # Warm: templates are compiled.
    assert answer.status_code == 200, path
    return {
        "processor_ms": median(lambda: client.get(path), process_time),
        "wall_ms": median(lambda: client.get(path), perf_counter),
        "kilobytes": round(len(answer.content) / 1_000, 1),
    }


def measured_searches(folder: Path) -> dict[str, Any]:
    """Return the times of the index, of the service's part, and of the page, over all questions."""
    from experiments.services.archive.meaning import keep_meaning_index
    from ml import predict

    activate_packaged_encoder(folder)
    began = perf_counter()
    while keep_meaning_index() is not None:
        pass
    built_s = perf_counter() - began
    predict.ask_by_meaning = lambda asked: predict.find_by_meaning(asked)["tests"]  # type: ignore[assignment]
    pages = {text: measured(f"{PAGES['list']}?{urlencode({'q': text})}") for text in QUESTIONS}
    asked = [predict.MeaningQuestion(texts=(text,), sites=(1,), count=100) for text in QUESTIONS]
    return {
        "build_s": round(built_s, 1),
        "find_by_meaning": {
            one.texts[0]: {
                "processor_ms": median(partial(predict.find_by_meaning, one), process_time),
                "wall_ms": median(partial(predict.find_by_meaning, one), perf_counter),
            }
            for one in asked
        },
        "meaning": pages,
    }


def activate_packaged_encoder(folder: Path) -> None:
    """Have a predictor in use whose encoder is the int8 copy of the packaged one."""
    from django.conf import settings

    from ml.encoders.int8_export import NO_BRANCH, export_int8
    from ml.encoders.sentence_encoder import load_encoder
    from ml.models import PredictorVersion
    from tests.factories import NOW

    settings.CTAOPT_MODEL_DIR = folder
    (folder / "p1").mkdir()
    encoder = load_encoder("")
    export_int8(encoder, folder=folder / "p1", branch=NO_BRANCH)
    about = {"name": encoder.name, "fingerprint": encoder.fingerprint}
    PredictorVersion.objects.create(
        number=1,
        status="active",
        strategy="frozen_embedding",
        artifact="p1",
        manifest={"configuration": {"encoder": about}, "fast_copy": {"is_equal": True}},
        created_at=NOW,
    )


def median(work: Callable[[], object], clock: Callable[[], float]) -> float:
    times = []
    for _ in range(REQUESTS):
        start = clock()
        work()
        times.append(1_000 * (clock() - start))
    return round(statistics.median(times), 1)


if __name__ == "__main__":
    main()
