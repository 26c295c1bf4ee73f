#!/usr/bin/env python
"""Django's command line. Settings: ctaopt.settings.prod unless DJANGO_SETTINGS_MODULE says else."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
    execute_from_command_line(sys.argv)
