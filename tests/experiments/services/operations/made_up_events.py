"""Honest visitors from many addresses, and strangers who make visitors up from a few."""

from datetime import timedelta
from itertools import count, islice

from experiments.assignment.explained_arms import explains
from experiments.services.events.ingestion import Origin
from experiments.services.rollups.folding import fold_pending
from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW, event_id, event_message
from tests.intake import ingest

SLOT = timedelta(minutes=15)
ARMS = ("control", "b")
NUMBERS = count()


class Traffic:
    """Sends visitors to the experiment on the slot `hero`, from groups of senders."""

    def __init__(self, now=NOW, phase=None):
        self.phase = phase
        self.site = build_snapshot(revision=1, now=now).client_keys["shop-client-key"]
        (self.experiment,) = self.site.slots["hero"].experiments

    def visitors(self, n, arm=None):
        """New ids whose hash gives them this arm; any if None."""
        names = (f"v-{number}" for number in NUMBERS)
        if arm is None:
            return list(islice(names, n))
        rules, place = self.experiment.allocation, ARMS.index(arm)
        return list(islice((v for v in names if explains(rules, v, place)), n))

    def arm_of(self, visitor):
        rules = self.experiment.allocation
        arms = enumerate(ARMS)
        return next(key for place, key in arms if explains(rules, visitor, place, phase=self.phase))

    def send(self, visitors, *, sender, at=NOW, arm=None, clicks=()):
        """Exposures of each visitor in this arm, or in their own; clicks of some."""
        items = []
        for visitor in visitors:
            fields = {"visitor": visitor, "at": at.isoformat(), "phase": self.phase}
            fields["variant"] = arm or self.arm_of(visitor)
            items.append(event_message(id=str(event_id(at)), **fields))
            if visitor in clicks:
                items.append(event_message("click", id=str(event_id(at)), **fields))
        for start in range(0, len(items), 500):
            origin = Origin(is_page=True, sender=sender)
            receipt = ingest(
                site=self.site, items=items[start : start + 500], now=at, origin=origin
            )
            assert receipt.rejected == ()

    def honest(self, n_slots, a_slot, *, until=NOW, senders=range(300)):
        """Visitors in each quarter of an hour until then, dealt to these senders."""
        for number in range(n_slots):
            at = until - (n_slots - number) * SLOT
            for place, visitor in enumerate(self.visitors(a_slot)):
                sender = senders[(number * 7 + place) % len(senders)]
                self.send([visitor], sender=sender, at=at)
        fold_pending()
