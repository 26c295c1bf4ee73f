import threading

import pytest

from experiments.api.front.thread_shares import PathRule, Size, ThreadShare, ThreadShares


class Gate:
    """Work that goes on until it is let through."""

    def __init__(self):
        self.opened, self.entered = threading.Event(), threading.Semaphore(0)

    def __call__(self):
        self.entered.release()
        assert self.opened.wait(timeout=240)

    def wait_for(self, n):
        for _ in range(n):
            assert self.entered.acquire(timeout=240)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


def test_share_refuses_beyond_its_threads_and_places(gate):
    share, refused = ThreadShare("pages", Size(threads=2, waiting=3)), []
    for number in range(7):
        share.submit(gate, lambda number=number: refused.append(number))
    assert refused == [5, 6]
    gate.wait_for(2)
    assert not gate.entered.acquire(timeout=0.05)  # The third has no thread.
    gate.opened.set()
    gate.wait_for(3)


def test_share_is_full_when_the_next_has_to_wait(gate):
    share = ThreadShare("pages", Size(threads=1, waiting=3))
    assert not share.is_full
    share.submit(gate, pytest.fail)
    assert share.is_full


def test_places_come_back_also_after_a_fault():
    share, done = ThreadShare("pages", Size(threads=1, waiting=0)), threading.Semaphore(0)

    def fail():
        done.release()
        raise ValueError

    for _ in range(5):
        while share.is_full:  # The thread gives its place back just after the work.
            pass
        share.submit(fail, pytest.fail)
        assert done.acquire(timeout=240)


def test_work_that_waited_too_long_is_refused(gate):
    share, refused = ThreadShare("pages", Size(1, 5), patience_s=0.05), threading.Event()
    share.submit(gate, pytest.fail)
    gate.wait_for(1)
    share.submit(pytest.fail, refused.set)
    assert not refused.wait(timeout=0.1)
    gate.opened.set()
    assert refused.wait(timeout=240)


def test_first_rule_that_fits_names_the_share():
    rules = [PathRule("POST", "/admin/login/", "log_in"), PathRule("*", "/", "pages")]
    shares = ThreadShares({"log_in": Size(1, 1), "pages": Size(1, 1)}, rules)
    assert shares.of_path("POST", "/admin/login/") is shares.named("log_in")
    assert shares.of_path("GET", "/admin/login/") is shares.named("pages")
    assert shares.of_path("DELETE", "/elsewhere") is shares.named("pages")


def test_rules_must_fit_everything():
    shares = ThreadShares({"api": Size(1, 1)}, [PathRule("*", "/api/", "api")])
    with pytest.raises(LookupError, match="GET /admin/"):
        shares.of_path("GET", "/admin/")
