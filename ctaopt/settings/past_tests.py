"""Periods of the archive of past tests."""

from celery.schedules import crontab

# A message that waited longer than one period is stale: the next one does its work.
# Stored; never rename.
SCHEDULE = {
    "keep-past-tests": {
        "task": "experiments.tasks.keep_past_tests",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "keep-meaning-index": {
        "task": "experiments.tasks.keep_meaning_index",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "rebuild-past-tests": {
        "task": "experiments.tasks.rebuild_past_tests",
        "schedule": crontab(hour=5, minute=0),
        "options": {"expires": 3600.0},
    },
}
