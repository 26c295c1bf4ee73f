"""Upgrade an installation, as every other step does it, by a clock that stands.

`python tests/upgrade/steps/upgrade.py migrate`, with DATABASE_URL and CTAOPT_DATA_DIR set.
"""

import sys

from frozen import begin
from readout import command

if __name__ == "__main__":
    begin()
    command(sys.argv[1], verbosity=0)
