"""Honest visitors from many addresses, and strangers who make visitors up from a few."""

from datetime import timedelta
from itertools import count, cycle, islice

from experiments.assignment.explained_arms import explains
from experiments.services.events.ingestion import Accepted, Origin, accept, keep
from experiments.services.rollups.folding import fold_pending
from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW, event_id, event_message

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
            keep(self.accepted(items[start : start + 500], sender=sender, at=at))

    def accepted(self, items, *, sender, at):
        origin = Origin(is_page=True, sender=sender)
        accepted = accept(site=self.site, items=items, now=at, origin=origin)
        assert accepted.rejected == ()
        return accepted

    def deal(self, visitors, senders, *, at=NOW):
        """One exposure of each visitor in their own arm, from each sender in turn.

        The requests arrive at the same moment, so that one transaction holds them all.
        """
        rows = []
        for visitor, sender in zip(visitors, cycle(senders), strict=False):
            fields = {"visitor": visitor, "at": at.isoformat(), "phase": self.phase}
            item = event_message(id=str(event_id(at)), variant=self.arm_of(visitor), **fields)
            rows += self.accepted([item], sender=sender, at=at).rows
        keep(Accepted(rows=rows, rejected=()))

    def honest(self, n_slots, a_slot, *, until=NOW, senders=range(300)):
        """Visitors in each quarter of an hour until then, dealt to these senders."""
        for number in range(n_slots):
            first = number * 7 % len(senders)
            turn = [*senders[first:], *senders[:first]]
            self.deal(self.visitors(a_slot), turn, at=until - (n_slots - number) * SLOT)
        fold_pending()
