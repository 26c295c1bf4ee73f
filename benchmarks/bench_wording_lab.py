"""The wording lab with 10,000 real wordings: from the upload to a page of the sorted list.

The wordings are headlines of the Upworthy archive, cut to the longest that the lab takes. Processor
time of each step: in the web process (medians of several requests), in the worker, and in the
scoring service, which is only asked about the wordings that are chosen in the list. The predictor
is the head on the frozen encoder, fitted on some tests of the archive; what sorts the list is its
student, whose time depends on the wordings alone. A folder as argument keeps the predictor for the
next run.
"""

import csv
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from io import StringIO
from pathlib import Path
from statistics import median as middle
from typing import Any

from bench_home import median
from bench_scoring import ARCHIVE, publish
from recording import record
from scoring_service import cpu_ms, running_service

from ml.history.reading import read_history
from ml.history.row import HistoryRow

STRATEGY = "frozen_head"
WORDINGS, LEARNED_TESTS, CHOSEN = 10_000, 300, 50
REQUESTS = 5
# The pages ask for a training's figures; no step of the lab shows them.
NOT_JUDGED = {"data": {}, "metrics": {STRATEGY: {}}, "ceiling": {}}
TARGETS = {"page_cpu_ms": 150, "page_kb": 100}


def main() -> None:
    if not ARCHIVE.exists():
        sys.exit(f"{ARCHIVE} is absent: this benchmark needs the shared data")
    rows = list(read_history(ARCHIVE, "upworthy").rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_predictor(rows, folder / "models" / "p1")
        with running_service(folder, strategy=STRATEGY) as (pid, _):
            from django.core.management import call_command  # noqa: PLC0415

            call_command("collectstatic", verbosity=0, interactive=False)
            figures = measured(headlines(row.text for row in rows), pid=pid)
    record("wording_lab", {"wordings": WORDINGS, "targets": TARGETS, **figures})


def copy_predictor(rows: list[HistoryRow], place: Path) -> None:
    """Put a predictor there, fitted now or by an earlier run."""
    kept = Path(sys.argv[1]) if len(sys.argv) > 1 else place
    if not kept.exists():
        publish(first_tests(rows), kept, strategy=STRATEGY, **NOT_JUDGED)
    if kept != place:
        shutil.copytree(kept, place)


def first_tests(rows: list[HistoryRow]) -> list[HistoryRow]:
    tests = set(list(dict.fromkeys(row.test for row in rows))[:LEARNED_TESTS])
    return [row for row in rows if row.test in tests]


def headlines(texts: Iterable[str]) -> list[str]:
    """Return different texts, each as long as the lab takes them."""
    from ml.predict import PAGE_LENGTH  # noqa: PLC0415 - Django is set up by now

    cut = (" ".join(text.split())[:PAGE_LENGTH].strip() for text in texts)
    return list(dict.fromkeys(filter(None, cut)))[:WORDINGS]


def measured(wordings: list[str], *, pid: int) -> dict[str, Any]:
    from django.conf import settings  # noqa: PLC0415
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    # Processor time is measured: on a busy machine the service may take longer than a page waits.
    settings.CTAOPT_SCORING_TIMEOUT_S = 60.0
    client = Client(HTTP_HOST="localhost")
    client.force_login(get_user_model().objects.create_superuser("owner"))
    lab, form = "/admin/experiments/job/lab/", {"locale": "en", "column": "", "wordings": ""}
    table = StringIO(newline="")
    csv.writer(table).writerows([["wording"], *([text] for text in wordings)])

    def upload() -> Any:
        file = SimpleUploadedFile("list.csv", table.getvalue().encode())
        return client.post(lab, form | {"file": file})

    def rank() -> Any:
        chosen = {"control": wordings[0], "wordings": "\n".join(wordings[1 : CHOSEN + 1])}
        return client.post("/admin/experiments/job/rank/", chosen | {"locale": "en"})

    pasted = form | {"wordings": "\n".join(wordings)}
    web = {
        "paste": request_figures(lambda: client.post(lab, pasted), status=302),
        "upload": request_figures(upload, status=302),
    }
    watch = newest_job()
    web["waiting"] = request_figures(lambda: client.get(watch))
    worker = sorted_list(watch)
    for name, query in {
        "list": "",
        "page_400": "?page=400",
        "filtered": "?text=you&shortest=20&longest=60",
        "csv": "?format=csv",
        "xlsx": "?format=xlsx",
    }.items():
        web[name] = request_figures(lambda address=watch + query: client.get(address))
    served = cpu_ms(pid)
    web["why"] = request_figures(rank, status=302)
    # A first request and those that are timed.
    served = (cpu_ms(pid) - served) / (1 + REQUESTS)
    why = newest_job()
    web["why_page"] = request_figures(lambda: client.get(why))
    return {
        "characters": round(middle(map(len, wordings))),
        "web": web,
        "worker": worker,
        "scoring_service": {"chosen": CHOSEN, "cpu_ms": round(served)},
    }


def newest_job() -> str:
    """Return the address of the newest job."""
    from experiments.models import Job  # noqa: PLC0415

    return f"/admin/experiments/job/{Job.objects.latest('pk').pk}/watch/"


def sorted_list(watch: str) -> dict[str, int]:
    """Have the worker's part done for the list of an address, in this process; return its time."""
    from experiments.models import Job  # noqa: PLC0415
    from experiments.tasks import do_job  # noqa: PLC0415

    number = int(watch.split("/")[-3])
    wall, cpu = time.perf_counter(), time.process_time()
    do_job(number)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    job = Job.objects.get(pk=number)
    assert job.status == Job.Status.DONE, job.message
    return {"cpu_ms": round(1000 * cpu), "wall_ms": round(1000 * wall)}


def request_figures(ask: Callable[[], Any], *, status: int = 200) -> dict[str, float]:
    """Return the processor time of an answer, a median after a first one, and its size."""
    answer = ask()
    assert answer.status_code == status, answer.status_code
    taken = median(ask, time.process_time, requests=REQUESTS)
    return {"cpu_ms": taken, "kb": round(len(answer.content) / 1000, 1)}


if __name__ == "__main__":
    main()
