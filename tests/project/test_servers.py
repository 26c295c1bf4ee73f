"""The servers that other tests rest on: durable, killed and started again, gone afterwards."""

import psycopg
import pytest

from tests import servers
from tests.servers import MissingServerError, PostgresServer, RedisServer


@pytest.fixture
def own_postgres():
    server = PostgresServer()
    yield server.start()
    server.remove()


@pytest.fixture
def own_redis():
    server = RedisServer(appendfsync="always")
    yield server.start()
    server.remove()


@pytest.mark.postgres
def test_postgres_keeps_what_was_committed_when_it_is_killed(postgres_server, own_postgres):
    with psycopg.connect(own_postgres.create("shop"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    own_postgres.kill()
    own_postgres.start()
    with psycopg.connect(own_postgres.url("shop")) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)


@pytest.mark.redis
def test_redis_keeps_what_was_written_when_it_is_killed(redis_server, own_redis):
    with own_redis.client() as client:
        client.set("kept", 1)
    own_redis.kill()
    own_redis.start()
    with own_redis.client() as client:
        assert client.get("kept") == b"1"


@pytest.mark.redis
def test_server_that_is_removed_leaves_nothing(redis_server):
    server = RedisServer().start()
    server.remove()
    assert server.process.returncode is not None
    assert not server.folder.exists()


@pytest.mark.parametrize(
    ("kind", "package"), [(PostgresServer, "postgresql"), (RedisServer, "redis-server")]
)
def test_missing_server_names_its_package(monkeypatch, kind, package):
    monkeypatch.setattr(servers.shutil, "which", lambda _: None)
    monkeypatch.setattr(servers, "DEBIAN_PROGRAMS", servers.Path("/nowhere"))
    with pytest.raises(MissingServerError, match=f"Debian package {package}"):
        kind()
