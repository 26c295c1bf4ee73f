# Django's autodiscovery imports this package; the pages register themselves.
from experiments.admin import audiences, catalogue, experiments, history, jobs, users
from experiments.admin.access import server_keys

__all__ = ["audiences", "catalogue", "experiments", "history", "jobs", "server_keys", "users"]
