"""A restart of the workers under load, as an operator would order it."""

import http.client
import json
import signal
import threading
from collections import Counter
from time import monotonic, sleep

import pytest

from tests.end_to_end.live_service import LiveService

pytestmark = pytest.mark.slow

HEADERS = {"Authorization": "Bearer demo-client-key", "Content-Type": "application/json"}
N_CLIENTS = 6


class Load:
    """Clients that keep their connections, as a proxy does that stands in front.

    A connection on which no answer came is opened anew, once, and the request sent again: what
    nginx does with `proxy_next_upstream error timeout non_idempotent`.
    """

    def __init__(self, connect):
        self.answers, self.lost = Counter(), []
        self.n_again = 0
        self._connect = connect
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(N_CLIENTS)]
        for thread in self._threads:
            thread.start()

    def end(self):
        self._is_over.set()
        for thread in self._threads:
            thread.join(timeout=240)

    def _ask(self):
        connection, number = self._connect(), 0
        while not self._is_over.is_set():
            number += 1
            body = json.dumps({"context": {"targetingKey": f"v-{number}", "locale": "fr"}})
            try:
                self._send(connection, body)
            except (OSError, http.client.HTTPException):
                self.n_again += 1
                connection.close()
                try:
                    self._send(connection, body)
                except (OSError, http.client.HTTPException) as error:
                    self.lost.append(repr(error))
                    connection.close()
        connection.close()

    def _send(self, connection, body):
        connection.request("POST", "/ofrep/v1/evaluate/flags/hero-signup", body, HEADERS)
        response = connection.getresponse()
        response.read()
        self.answers[response.status] += 1


@pytest.fixture
def service(tmp_path):
    service = LiveService(tmp_path, "--overlap", "1", on_socket=True, workers=2)
    yield service
    service.stop()


def wait_for(is_so, service, seconds=240):
    deadline = monotonic() + seconds
    while not is_so():
        assert monotonic() < deadline, service.log()
        sleep(0.1)


def test_restart_under_load_drops_no_request(service):
    load = Load(service.connect)
    try:
        wait_for(lambda: load.answers[200] > 200, service)
        service.web.send_signal(signal.SIGHUP)
        wait_for(lambda: service.log().count("Stopped old worker") == 2, service)
        before = load.answers[200]
        wait_for(lambda: load.answers[200] > before + 200, service)
    finally:
        load.end()
    assert load.lost == []
    assert load.answers.keys() == {200}
    # The old workers asked their clients to go: hardly one met a door that was just closing.
    assert load.n_again < load.answers[200] / 50
