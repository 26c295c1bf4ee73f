"""A stranger with the public key and two addresses, against the whole way from edge to report."""

from datetime import timedelta

import pytest
import time_machine

from experiments.models import Event, Experiment
from experiments.selectors.reports import experiments_for_report
from experiments.services.operations.auto_rollback import watch_experiments
from experiments.services.operations.burst_search import find_bursts
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.report_json import report_as_json
from experiments.services.rollups.folding import fold_pending
from tests.factories import NOW, event_id, event_message

pytestmark = pytest.mark.on_both_databases

PATH = "/api/v1/events"
EVALUATE = "/ofrep/v1/evaluate/flags/hero"
MINUTE = timedelta(minutes=1)


def exposure(visitor, **changes):
    now = changes.pop("at", NOW)
    return event_message(id=str(event_id(now)), visitor=visitor, at=now.isoformat(), **changes)


def real_visitors(browser, n_quarters, a_quarter):
    """Visitors who ask and report what they got, a request each, from an address each."""
    for quarter in range(n_quarters):
        at = NOW - (n_quarters - quarter) * 15 * MINUTE
        with time_machine.travel(at, tick=False):
            for number in range(a_quarter):
                visitor = f"real-{quarter}-{number}"
                flag = browser.post(EVALUATE, {"context": {"targetingKey": visitor}}).json()
                seen = {"variant": flag["variant"], "phase": flag["metadata"]["phase"]}
                address = f"198.{quarter}.{number}.7"
                sent(browser, address, [exposure(visitor, at=at, **seen)])
    fold_pending()


def sent(browser, address, messages):
    environ = {"REMOTE_ADDR": address}
    for start in range(0, len(messages), 300):
        body = {"events": messages[start : start + 300]}
        answer = browser.post(PATH, body, environ=environ, headers={"Content-Type": "text/plain"})
        assert (answer.status, answer.json()["rejected"]) == (202, [])


def report():
    (experiment,) = experiments_for_report()
    return report_as_json(full_report(experiment=experiment, now=NOW + MINUTE))


def arms_of(*reports):
    return list(zip(*(report["arms"] for report in reports), strict=True))


def test_ten_thousand_made_up_exposures_move_neither_report_nor_roll_back(
    browser, running_experiment
):
    real_visitors(browser, 24, 20)
    before = report()
    for address in ("203.0.113.5", "203.0.113.6"):
        sent(browser, address, [exposure(f"{address}-{n}", variant="b") for n in range(5_000)])
    fold_pending()
    assert watch_experiments(now=NOW) == []
    find_bursts(now=NOW + MINUTE)
    fold_pending()
    assert watch_experiments(now=NOW + MINUTE) == []
    assert Experiment.objects.get().status == "running"
    after = report()
    assert after["verdict"] == before["verdict"]
    assert not after["srm"]["is_mismatch"]
    # A sender's group holds one of 512 others: with a stranger a few of these are left out.
    lost = [was["visitors"] - now["visitors"] for was, now in arms_of(before, after)]
    assert 0 <= min(lost) <= max(lost) <= 8
    assert {one["reason"]: one["visitors"] for one in after["left_out"]} == {
        "unexplained": Event.objects.filter(flags=Event.Flag.UNEXPLAINED).count(),
        "burst": Event.objects.filter(flags=Event.Flag.BURST).count(),
    }
    assert not Event.objects.filter(flags=0).exclude(visitor__startswith="real-").exists()
    (burst,) = after["bursts"]
    assert "came from 2 senders in 1 min." in burst["text"]


def test_site_that_needs_receipts_counts_real_visitors_only(browser, running_experiment):
    site = running_experiment.slot.site
    site.needs_receipts = True
    site.save()
    for number in range(40):
        visitor = f"real-{number}"
        flag = browser.post(EVALUATE, {"context": {"targetingKey": visitor}}).json()
        seen = {name: flag["metadata"][name] for name in ("phase", "receipt")}
        message = exposure(visitor, variant=flag["variant"], **seen)
        sent(browser, f"198.51.100.{number}", [message])
    made_up = [
        exposure(f"made-up-{n}", variant=arm) for n in range(100) for arm in ("control", "b")
    ]
    sent(browser, "203.0.113.5", made_up)
    fold_pending()
    assert sum(arm["visitors"] for arm in report()["arms"]) == 40
