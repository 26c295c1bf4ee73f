import pytest
from django.db import connection

from experiments.models import Site
from experiments.services.installation import postgres_dump
from experiments.services.installation.backup_manifest import BackupError
from tests import factories

TABLE = Site._meta.db_table


@pytest.mark.only_on_postgres
@pytest.mark.on_both_databases
@pytest.mark.django_db(transaction=True)
def test_dump_replaces_what_is_there(tmp_path):
    factories.make_site("shop")
    target = tmp_path / "database.pgdump"
    assert postgres_dump.dump_database(target, [TABLE, "none"]) == {TABLE: 1}
    postgres_dump.check_dump(target)
    factories.make_site("later")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_a_later_version (a int)")
    postgres_dump.load_dump(target)
    assert [site.key for site in Site.objects.all()] == ["shop"]
    assert "of_a_later_version" not in connection.introspection.table_names()


def test_missing_programs_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackupError, match=r"pg_dump is not on the PATH.*postgresql-client"):
        postgres_dump.needed_programs()


@pytest.mark.postgres
def test_damaged_dump_is_found(postgres_server, tmp_path):
    path = tmp_path / "database.pgdump"
    path.write_bytes(b"PGDMP and no more")
    with pytest.raises(BackupError, match="pg_restore failed"):
        postgres_dump.check_dump(path)
