# Django's autodiscovery imports this package; the pages register themselves.
from experiments.admin import audiences, catalogue, experiments, history, jobs, users

__all__ = ["audiences", "catalogue", "experiments", "history", "jobs", "users"]
