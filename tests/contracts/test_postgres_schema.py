"""What the migrations build in PostgreSQL is what the code declares."""

from __future__ import annotations

import psycopg

from apologylab.storage import postgres
from apologylab.storage.tables import METADATA

COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
    FROM information_schema.columns WHERE table_schema = 'public'
    AND table_name <> 'alembic_version'
"""
INDEXES = """
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
CHECKS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""


def schema(url):
    with psycopg.connect(url) as connection:
        return {
            name: set(connection.execute(query).fetchall())
            for name, query in {"columns": COLUMNS, "indexes": INDEXES, "checks": CHECKS}.items()
        }


def test_migrating_from_nothing_gives_the_tables_of_the_code(postgres_server, postgres_url):
    declared = postgres_server.database()
    database = postgres.connect(declared)
    with database.migrating() as connection:
        METADATA.create_all(connection)
    database.close()
    migrated = schema(postgres_url)
    assert migrated == schema(declared)
    assert [len(found) > 40 for found in migrated.values()] == [True, True, False]
    assert ("budget", "reserved_not_negative", "CHECK ((reserved >= 0))") in migrated["checks"]
    postgres_server.drop(declared)


def test_looking_up_by_an_indexed_column_never_scans(postgres_ledger):
    """``IS NOT DISTINCT FROM`` would; so would a comparison under another collation."""
    from apologylab.storage.statements import find, find_among

    with postgres_ledger.database.reading() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for query in (
            find("assignment", (("customer", False),)),
            find("order", (("key", False),)),
            find_among("order", "key"),
            find_among("liability", "assignment"),
            find_among("merged", "into"),
        ):
            text = query.compile(connection.engine)
            given = {name: value or "x" for name, value in text.params.items()}
            given |= {"values": '["x"]'} if "values" in given else {}
            plan = connection.exec_driver_sql(f"EXPLAIN {text}", given).scalars().all()
            assert not [line for line in plan if "Seq Scan" in line], "\n".join(plan)
