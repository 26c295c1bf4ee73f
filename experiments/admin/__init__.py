# Django's autodiscovery imports this package; the pages register themselves.


__all__ = ["archive", "audiences", "catalogue", "experiments", "jobs", "people"]
