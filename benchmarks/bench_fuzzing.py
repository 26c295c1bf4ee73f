"""100,000 broken requests to every route, in one process: how many are 5xx, and the slowest.

    bench_fuzzing.py [NUMBER [SEED]]

The whole service without a socket, on a SQLite file of its own. What a request changes is taken
back. The slowest are named with their addresses; times include whatever else the machine does.
"""

import logging
import os
import sys
import tempfile
from collections import Counter

from recording import PROJECT, record

NUMBER, SEED, WARM_UP, SLOW_S = 100_000, 20_261_128, 500, 1.0


def main(number: int, seed: int) -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import transaction  # noqa: PLC0415

    from tests.fuzzing import Fuzzer, Service, make_world, session_of  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    call_command("migrate", verbosity=0)
    make_world()
    service = Service(session_of(get_user_model().objects.create_superuser("owner")))
    # The first ones load the admin, the statistics and the predictor: a start, not an answer.
    for sent in Fuzzer(seed + 1).requests(WARM_UP):
        with transaction.atomic():
            service.answer(sent)
            transaction.set_rollback(True)
    statuses: Counter[int] = Counter()
    slowest: list[tuple[float, str]] = []
    faults: list[str] = []
    n_slow = 0
    for sent in Fuzzer(seed).requests(number):
        with transaction.atomic():
            status, seconds = service.answer(sent)
            transaction.set_rollback(True)
        statuses[status] += 1
        n_slow += seconds > SLOW_S
        slowest = sorted([*slowest, (seconds, f"{sent.method} {sent.address[:80]}")])[-10:]
        if status >= 500:
            faults.append(repr(sent))
    record(
        "fuzzing",
        {
            "requests": number,
            "seed": seed,
            "statuses": dict(sorted(statuses.items())),
            "faults": faults[:20],
            "over_1_s": n_slow,
            "slowest_s": [{"seconds": round(s, 3), "request": name} for s, name in slowest[::-1]],
        },
    )


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DJANGO_SETTINGS_MODULE"] = "ctaopt.settings.test"
        os.environ["CTAOPT_DATA_DIR"] = folder
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/fuzzing.sqlite3"
        arguments = [int(text) for text in sys.argv[1:3]]
        main(*(arguments + [NUMBER, SEED][len(arguments) :]))
