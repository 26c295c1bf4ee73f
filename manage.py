#!/usr/bin/env python
"""Django's command line. Settings: ctaopt.settings.prod unless DJANGO_SETTINGS_MODULE says else."""

import os
import sys

from ctaopt.commandline import run

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
    sys.exit(run(sys.argv))
