"""Step 2: upgrade an installation, let it do what was waiting, and print all it says as JSON.

Runs under whatever commit is on PYTHONPATH. `python tests/upgrade/steps/readout.py OUT`, with
DATABASE_URL and CTAOPT_DATA_DIR set; with CTAOPT_EVENTS_URL the stream is stored first.
"""

import io
import json
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from frozen import ERASED, EVENTS_PATH, NOW, SERVER_KEY, begin, client

WORDINGS = ("free thing1 now", "submit the form", "new and easy thing3", "plain thing2")


def main(out):
    app = begin()
    from django.conf import settings

    settings.CTAOPT_EVENTS_URL, stream = "", settings.CTAOPT_EVENTS_URL
    command("migrate", verbosity=0)
    found = {
        "reports as found": reports(),
        "late event of the erased visitor": late_event(),
        "scores": json.loads(command("score_wording", *WORDINGS, explain=True, json=True)),
        "jobs": finished_jobs(app),
    }
    task(app, "fold_rollups")
    found["reports"] = reports()
    task(app, "compare_rollups")
    found["differences of the recount"] = differences()
    if stream:
        settings.CTAOPT_EVENTS_URL = stream
        command("consume_events", drain=True, reclaim_after=0.0)
        found["streamed"] = events_of("streamed-")
    out.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def command(*words, **options):
    from django.core.management import call_command

    out = io.StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def task(app, name, *args):
    """Do what a message of this name asks for."""
    app.tasks[f"experiments.tasks.{name}"].apply(args=args, throw=True)


def reports():
    from experiments.models import Experiment

    caller = client(SERVER_KEY)
    return {
        key: caller.get(f"/api/v1/experiments/{key}/report/").json()
        for key in Experiment.objects.order_by("key").values_list("key", flat=True)
    }


def events_of(visitor):
    from experiments.models import Event

    return Event.objects.filter(visitor__startswith=visitor).count()


def late_event():
    """A copy of what an erased visitor did comes late: it is answered, and nothing is stored."""
    from tests.factories import event_message

    before = NOW - timedelta(hours=1)
    # Ids of their own: the numbers of the fixture's ids begin anew in this process.
    ids = (f"{milliseconds(before):012x}7000800000000000000{n}" for n in "12")
    copy, other = (
        event_message(id=str(UUID(name)), visitor=visitor, at=before.isoformat())
        for name, visitor in zip(ids, (ERASED, "v-not-erased"), strict=True)
    )
    # As a server: from a page, an arm that the visitor's hash does not give is left out since.
    answer = client(SERVER_KEY).post(EVENTS_PATH, {"events": [copy, other]})
    stored = {visitor: events_of(visitor) for visitor in (ERASED, "v-not-erased")}
    return {"status": answer.status, "answer": answer.json(), "stored": stored}


def milliseconds(moment):
    return round(moment.timestamp() * 1000)


def finished_jobs(app):
    """Revive what hangs, do what the broker's messages ask for, and show how jobs ended."""
    from django.conf import settings

    from experiments.models import Job

    app.loader.import_default_modules()
    # As a worker does when it starts.
    queue_folder = Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    queue_folder.mkdir(parents=True, exist_ok=True)
    task(app, "revive_jobs")
    calls = []
    with app.connection_for_read() as connection:
        queue = connection.SimpleQueue(app.conf.task_default_queue)
        while len(queue):
            message = queue.get(timeout=5)
            args, kwargs, _ = message.payload
            calls.append((message.headers["task"], args, kwargs))
            message.ack()
        queue.close()
    # By job. The broker's files sort by the machine's clock since it started, which is another one
    # here, and a ranking answers otherwise after the training than before it.
    for name, args, kwargs in sorted(calls, key=lambda call: json.dumps(call)):
        app.tasks[name].apply(args=args, kwargs=kwargs, throw=True)
    return {
        "messages": [name for name, *_ in calls],
        "ends": [shown_job(job) for job in Job.objects.order_by("pk")],
        "trainings": unfinished(),
    }


def shown_job(job):
    result = job.result
    if job.kind == "training" and result:
        # The record of a training names its commit and its encoder's path.
        result = {name: result[name] for name in ("number", "status", "strategy")}
    return {
        "kind": job.kind,
        "status": job.status,
        "attempt": job.attempt,
        "message": job.message,
        "result": result,
    }


def unfinished():
    """The number of unfinished trainings whose scores are still kept."""
    from django.conf import settings

    return len(list((Path(settings.CTAOPT_MODEL_DIR) / "unfinished").glob("*")))


def differences():
    from experiments.models import RollupCheck

    return [
        {name: value for name, value in row.items() if isinstance(value, (int, str, list, dict))}
        for row in RollupCheck.objects.order_by("pk").values()
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
