import pytest
from django.test import Client


@pytest.fixture
def server(server_key):
    """The shop's own server."""
    return Client(headers={"Authorization": f"Bearer {server_key}"})


@pytest.fixture
def other_server(other_server_key):
    """The server of another site."""
    return Client(headers={"X-API-Key": other_server_key})


@pytest.fixture
def visitor(db):
    """Somebody without key or log-in."""
    return Client()
