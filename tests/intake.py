"""Events taken in as a request brings them, without the request."""

from experiments.services.events.ingestion import accept, keep


def ingest(**batch):
    """Validate a batch and store it; the arguments are those of `accept`."""
    return keep(accept(**batch))
