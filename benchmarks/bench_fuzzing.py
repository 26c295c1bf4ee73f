"""100,000 broken requests to every route, in one process: faults, statuses, and the slowest.

    bench_fuzzing.py [NUMBER [SEED]]

The whole service without a socket, on a SQLite file of its own, one request after the other. What a
request changes is taken back. The routes are those of the OpenAPI document and of Django's
resolver, with the forms on their pages; an answer is a fault if it is 5xx, and undocumented if the
document does not name its status. Each is timed twice: by the clock, which counts whatever else
the machine does, and by the processor time of this process, which a request would take on an idle
machine (nothing here waits for a disk or another process, but the commit that is taken back).
"""

import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator

from recording import PROJECT, record

NUMBER, SEED, WARM_UP, SLOW_S, MOST_NAMED = 100_000, 20_261_128, 1_000, 1.0, 20
Timed = tuple[float, float, str]


def main(number: int, seed: int) -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    call_command("migrate", verbosity=0)
    statuses: Counter[int] = Counter()
    faults, undocumented = [], []
    times: list[Timed] = []
    for sent, answer, is_documented in answers(number, seed):
        statuses[answer.status] += 1
        if statuses.total() % 5_000 == 0:
            print(f"{statuses.total():,} requests", file=sys.stderr)
        times.append((answer.cpu_s, answer.wall_s, f"{sent.method} {sent.address[:80]}"))
        if answer.status >= 500:
            faults.append(repr(sent)[:1_000])
            print("fault", faults[-1], file=sys.stderr)
        if not is_documented:
            undocumented.append(f"{answer.status}: {sent!r}"[:1_000])
            print("undocumented", undocumented[-1], file=sys.stderr)
    record(
        "fuzzing",
        {
            "requests": number,
            "seed": seed,
            "statuses": dict(sorted(statuses.items())),
            "n_faults": len(faults),
            "n_undocumented": len(undocumented),
            "faults": faults[:MOST_NAMED],
            "undocumented": undocumented[:MOST_NAMED],
            "over_1_s": {
                "processor": sum(cpu > SLOW_S for cpu, _, _ in times),
                "clock": sum(wall > SLOW_S for _, wall, _ in times),
            },
            "load_after": round(os.getloadavg()[0], 2),
            "slowest": [named(one) for one in sorted(times, reverse=True)[:MOST_NAMED]],
            "slowest_by_the_clock": [
                named(one) for one in sorted(times, key=lambda one: -one[1])[:MOST_NAMED]
            ],
        },
    )


def answers(number: int, seed: int) -> Iterator[tuple]:
    """Yield requests with their answers, and if the status is documented."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415

    from tests import factories  # noqa: PLC0415
    from tests.fuzzing.document import Document, openapi_document  # noqa: PLC0415
    from tests.fuzzing.requests import Fuzzer  # noqa: PLC0415
    from tests.fuzzing.routes import routes_of_people, routes_of_programs  # noqa: PLC0415
    from tests.fuzzing.service import Service, make_world, session_of, with_forms  # noqa: PLC0415

    known = make_world(factories.make_site())
    service = Service(session_of(get_user_model().objects.create_superuser("owner")))
    programs = [*routes_of_programs(openapi_document())]
    people = [*with_forms(service, routes_of_people(), known)]
    document = Document(openapi_document())

    def requests(seed: int, number: int) -> Iterator:
        fuzzer = Fuzzer(seed, programs=programs, people=people, known=known)
        return fuzzer.requests(number)

    # The first ones load the admin, the statistics and the predictor: a start, not an answer.
    for sent in requests(seed + 1, WARM_UP):
        service.answer(sent)
    for sent in requests(seed, number):
        answer = service.answer(sent)
        yield sent, answer, document.allows(sent.method, sent.path, answer.status)


def named(timed: Timed) -> dict[str, float | str]:
    cpu_s, wall_s, request = timed
    return {"processor_s": round(cpu_s, 3), "clock_s": round(wall_s, 3), "request": request}


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DJANGO_SETTINGS_MODULE"] = "ctaopt.settings.test"
        os.environ["CTAOPT_DATA_DIR"] = folder
        os.environ["DATABASE_URL"] = f"sqlite:///{folder}/fuzzing.sqlite3"
        arguments = [int(text) for text in sys.argv[1:3]]
        main(*(arguments + [NUMBER, SEED][len(arguments) :]))
