"""Store what waits, and print every report and a predictor's scores as JSON.

`python tests/upgrade/steps/reports.py OUT`, with DATABASE_URL and CTAOPT_DATA_DIR set. Jobs that
wait stay as they are: a training takes longer than all the rest.
"""

import json
import sys
from pathlib import Path

from frozen import begin
from readout import WORDINGS, command, reports, task


def main(out):
    app = begin()
    app.loader.import_default_modules()
    task(app, "fold_rollups")
    found = {
        "reports": reports(),
        "scores": json.loads(command("score_wording", *WORDINGS, explain=True, json=True)),
    }
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
