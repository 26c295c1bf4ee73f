"""Write load: three threads send events and one counts them, until the process is ended.

Runs under whatever commit is on PYTHONPATH. `python tests/upgrade/steps/write_events.py SLOT`,
with DATABASE_URL and CTAOPT_DATA_DIR set. Prints each event's id once it is acknowledged.
"""

import secrets
import sys
import threading
from datetime import timedelta
from time import sleep
from uuid import UUID

from frozen import CLIENT_KEY, EVENTS_PATH, NOW, begin, client

THREADS, EVENTS = 3, 5


def main(slot):
    begin()
    client(CLIENT_KEY)  # Imports the application before threads do.
    for _ in range(THREADS):
        threading.Thread(target=send, args=(slot,)).start()
    threading.Thread(target=count).start()


def send(slot):
    from tests.factories import event_message

    caller, at = client(CLIENT_KEY), NOW - timedelta(minutes=30)
    while True:
        ids = [event_id(at) for _ in range(EVENTS)]
        messages = [
            event_message(id=name, slot=slot, visitor=f"load-{name}", at=at.isoformat())
            for name in ids
        ]
        answer = caller.post(EVENTS_PATH, {"events": messages})
        if answer.status == 202 and answer.json()["accepted"] == EVENTS:
            sys.stdout.write("".join(f"{name}\n" for name in ids))
            sys.stdout.flush()


def event_id(at):
    rest = f"{secrets.randbits(76):019x}"
    return str(UUID(f"{round(at.timestamp() * 1000):012x}7{rest[:3]}8{rest[3:18]}"))


def count():
    from django.db import Error

    from experiments.services.rollups.folding import fold_pending

    while True:
        try:
            fold_pending()
        except Error:  # SQLite's writer was busy; the events wait.
            continue
        sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
