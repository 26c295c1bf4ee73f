# Django's autodiscovery imports this package; the pages register themselves.
from experiments.admin import archive, audiences, catalogue, experiments, jobs, people

__all__ = ["archive", "audiences", "catalogue", "experiments", "jobs", "people"]
