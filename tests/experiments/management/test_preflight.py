import re
import socket

import pytest
from django.core.management.base import CommandError

from experiments.management import preflight


@pytest.fixture
def listener():
    """A socket that listens on a free port of the loopback address."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((preflight.HOST, 0))
        server.listen()
        yield server


def test_port_in_use_is_refused(listener):
    port = listener.getsockname()[1]
    with pytest.raises(CommandError, match=f"Port {port} is in use"):
        preflight.check_port(port)


def test_port_that_was_just_left_is_free(listener):
    port = listener.getsockname()[1]
    with socket.create_connection((preflight.HOST, port)):
        listener.accept()[0].close()
    listener.close()
    preflight.check_port(port)


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_port_that_does_not_exist_is_refused(port):
    with pytest.raises(CommandError, match=f"Port {port} does not exist"):
        preflight.check_port(port)


def test_folder_that_takes_a_file_is_accepted(tmp_path):
    preflight.check_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_takes_no_file_is_refused(tmp_path):
    # Not a matter of permission bits, which a test that runs as root would not feel.
    folder = tmp_path / "absent"
    with pytest.raises(CommandError, match=f"Cannot write to {re.escape(str(folder))}"):
        preflight.check_folder(folder)


def test_lock_is_given_once_and_names_its_holder(tmp_path):
    with preflight.take_lock(tmp_path / "lock") as lock:
        lock.seek(0)
        holder = lock.read()
        with pytest.raises(CommandError, match=rf"already runs .*\(process {holder}\)"):
            preflight.take_lock(tmp_path / "lock")


def test_lock_is_free_again_after_its_holder(tmp_path):
    preflight.take_lock(tmp_path / "lock").close()
    preflight.take_lock(tmp_path / "lock").close()


def test_running_service_is_found_by_its_lock(tmp_path):
    path = tmp_path / "lock"
    assert preflight.running_address(path) is None
    with preflight.take_lock(path, address="http://127.0.0.1:8017"):
        assert preflight.running_address(path) == "http://127.0.0.1:8017"
        # To look is not to hold.
        with pytest.raises(CommandError, match="already runs"):
            preflight.take_lock(path)
    # What a killed process left in the file is nobody's address.
    assert preflight.running_address(path) is None


def test_service_without_an_address_is_not_found(tmp_path):
    with preflight.take_lock(tmp_path / "lock"):
        assert preflight.running_address(tmp_path / "lock") is None
