"""Search by meaning within the test's process, with an encoder that takes no time."""

from dataclasses import asdict

from ml.search.meaning_index import build_index, search_index
from tests.ml.factories import HashEncoder


class MeaningService:
    """Index and answers as of a worker and the scoring service; near is what has the same words."""

    def __init__(self):
        self.encoder = HashEncoder(dimension=64)
        self.index = None

    def n_texts(self):
        return len(self.index.texts)

    def update(self, stamp, read):
        """Stand for `ml.predict.update_meaning_index`."""
        if self.index and self.index.stamp == stamp:
            return None
        self.index = build_index(read(), self.encoder, stamp=stamp)
        return self.n_texts()

    def ask(self, question):
        """Stand for `ml.predict.ask_by_meaning`."""
        if self.index is None:
            return None
        found = search_index(
            self.index,
            self.encoder.encode(question.texts),
            sites=question.sites,
            without=question.without,
            count=question.count,
        )
        return [asdict(one) for one in found]
