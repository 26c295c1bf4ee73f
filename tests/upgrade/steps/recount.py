"""Store what waits, count every event anew, and print what is stored as JSON.

`python tests/upgrade/steps/recount.py OUT`, with DATABASE_URL and CTAOPT_DATA_DIR set; with
CTAOPT_EVENTS_URL the stream is stored first.
"""

import json
import sys
from pathlib import Path

from frozen import begin
from readout import command, differences, events_of, task


def main(out):
    app = begin()
    from django.conf import settings

    from experiments.models import Event

    if settings.CTAOPT_EVENTS_URL:
        command("consume_events", drain=True, reclaim_after=0.0)
    app.loader.import_default_modules()
    task(app, "fold_rollups")
    task(app, "compare_rollups")
    found = {
        "event ids": [str(name) for name in Event.objects.values_list("event_id", flat=True)],
        "streamed": events_of("streamed-"),
        "differences of the recount": differences(),
    }
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
