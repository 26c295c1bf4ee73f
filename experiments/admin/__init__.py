# Django's autodiscovery imports this package; the pages register themselves.
from experiments.admin import archive, catalogue, experiments, jobs, people

__all__ = ["archive", "catalogue", "experiments", "jobs", "people"]
