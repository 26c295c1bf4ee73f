# Django's autodiscovery imports this package; the pages register themselves.
from experiments.admin import audiences, catalogue, experiments, history, jobs, users
from experiments.admin.access import server_keys
from experiments.admin.archive import learnings, past_tests
from experiments.admin.importing import pages
from experiments.admin.notices import webhooks
from experiments.admin.offers import experiment_templates

__all__ = [
    "audiences",
    "catalogue",
    "experiment_templates",
    "experiments",
    "history",
    "jobs",
    "learnings",
    "pages",
    "past_tests",
    "server_keys",
    "users",
    "webhooks",
]
