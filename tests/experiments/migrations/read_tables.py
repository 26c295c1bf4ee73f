"""Script that migrates an empty database, squashed or one by one, and prints its tables as JSON."""

import json
import re
import sys

import django

django.setup()

from django.db import connection  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402

POSTGRES = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attidentity, pg_get_expr(d.adbin, d.adrelid), pg_get_partkeydef(c.oid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
          AND c.relnamespace = 'public'::regnamespace
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}
# PostgreSQL numbers names of its own making while an older table still has them.
NUMBERED = re.compile(r"\b(experiments_event_(?:pkey|flags_check))1\b")


def main(way):
    executor = MigrationExecutor(connection)
    if way == "one by one":
        executor.loader = MigrationLoader(connection, replace_migrations=False)
    graph = executor.loader.graph
    ends = [node for node in graph.leaf_nodes() if not graph.nodes[node].replaces]
    # Where it replaces others, and nothing follows, the squashed one is the end of its app.
    executor.migrate(ends if way == "one by one" else graph.leaf_nodes())
    read = postgres_tables if connection.vendor == "postgresql" else sqlite_tables
    with connection.cursor() as cursor:
        json.dump(read(cursor), sys.stdout)


def postgres_tables(cursor):
    tables = {}
    for kind, query in POSTGRES.items():
        cursor.execute(query)
        rows = [[NUMBERED.sub(r"\1", str(value)) for value in row] for row in cursor.fetchall()]
        tables[kind] = sorted(rows)
    return tables


def sqlite_tables(cursor):
    cursor.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return sorted([kind, name, sorted(parts(text))] for kind, name, text in cursor.fetchall())


def parts(statement):
    """Split CREATE TABLE into its columns and constraints, whose order does not matter."""
    head, _, body = statement.partition("(")
    depth, part, found = 0, "", [head.strip()]
    for char in body.rpartition(")")[0]:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            found.append(part.strip())
            part = ""
        else:
            part += char
    return [*found, part.strip()]


if __name__ == "__main__":
    main(sys.argv[1])
