import os
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from ctaopt import filesystem_broker
from ctaopt.celery import app


@pytest.fixture
def channel(tmp_path):
    """A channel of the folder broker, as both the worker and a sender have one."""
    folders = {
        "data_folder_in": tmp_path,
        "data_folder_out": tmp_path,
        "control_folder": tmp_path / "control",
        "processed_folder": tmp_path / "done",
    }
    connection = Connection("filesystem://", transport_options=folders)
    return connection.channel()


def test_celery_talks_through_this_broker():
    assert isinstance(app.connection_for_write().transport, filesystem_broker.Transport)


def test_message_goes_in_and_comes_out_once(channel):
    channel._put("celery", {"body": "é"})
    assert channel._get("celery") == {"body": "é"}
    with pytest.raises(Empty):
        channel._get("celery")


def test_messages_come_in_order(channel, monkeypatch):
    clock = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(filesystem_broker, "monotonic", lambda: next(clock))
    for number in range(3):
        channel._put("celery", number)
    assert [channel._get("celery") for _ in range(3)] == [0, 1, 2]


def test_worker_that_looks_while_a_message_is_written_finds_nothing(channel):
    class Looking:
        """Read by the worker in the middle of being written."""

        def __json__(self):
            with pytest.raises(Empty):
                channel._get("celery")
            return "written"

    channel._put("celery", {"body": Looking()})
    assert channel._get("celery") == {"body": "written"}


def test_folder_that_cannot_be_written_is_named(channel, tmp_path):
    channel.data_folder_out = tmp_path / "gone"
    with pytest.raises(Exception, match="Cannot add"):
        channel._put("celery", 1)


def test_message_that_does_not_fit_on_the_disk_leaves_nothing(channel, tmp_path, monkeypatch):
    def full(path, text):
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(Exception, match="Cannot add"):
        channel._put("celery", 1)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_only_what_nobody_writes_any_more_is_removed(tmp_path):
    for name in ("old.part", "new.part", "old.msg"):
        (tmp_path / name).touch()
    for name in ("old.part", "old.msg"):
        os.utime(tmp_path / name, (0, 0))
    assert filesystem_broker.remove_abandoned(tmp_path) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"new.part", "old.msg"}
