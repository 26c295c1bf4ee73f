import os
import signal

import pytest

from experiments.management.signals import SIGNALS, StopRequest, stop_requests


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_becomes_a_request(number):
    with pytest.raises(StopRequest), stop_requests():
        send(number)


def test_second_signal_finds_the_stop_under_way():
    with stop_requests():
        with pytest.raises(StopRequest):
            send(signal.SIGINT)
        send(signal.SIGINT)
        send(signal.SIGTERM)


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with stop_requests():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_request_passes_through_handlers_of_errors():
    assert not issubclass(StopRequest, Exception)
