"""One way to write: it waits instead of failing, and the database refuses what must not happen."""

import threading

import pytest
from peewee import DatabaseError

from core.contract.errors import Refusal
from core.db import database, triggers
from core.db.codes import EDGES, State
from core.db.models import Setting


def test_four_writers_that_read_first_lose_nothing(rt):
    with database.write_tx():
        database.execute("INSERT INTO setting (key, value) VALUES ('n', '0')")

    def bump():
        for _ in range(25):
            database.retry_locked(one)
        database.proxy.close()

    def one():
        lock = " FOR UPDATE" if database.is_postgres() else ""
        with database.write_tx():
            n = int(database.scalar(f"SELECT value FROM setting WHERE key = 'n'{lock}"))
            database.execute("UPDATE setting SET value = ? WHERE key = 'n'", (str(n + 1),))

    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Setting.get_by_id("n").value == "100"


@pytest.mark.parametrize("old", list(State))
def test_the_database_allows_exactly_the_listed_edges(rt, old):
    for new in State:
        if new is old:
            continue
        with database.write_tx():
            database.execute("DELETE FROM message")
            database.copy_rows(
                "message", ("id", "campaign_id", "contact_id", "cls", "state"), [(1, 1, 1, 2, old.value)]
            )
        assert triggers.reachable(old, new) == (new in EDGES.get(old, ()))
        if triggers.reachable(old, new):
            _set(new)
            assert database.scalar("SELECT state FROM message") == new
        else:
            with pytest.raises(DatabaseError, match="refused"):
                _set(new)
            assert database.scalar("SELECT state FROM message") == old


def _set(state):
    with database.write_tx():
        database.execute("UPDATE message SET state = ? WHERE id = 1", (state.value,))


@pytest.mark.parametrize("table", triggers.APPEND_ONLY)
@pytest.mark.parametrize("act", ["UPDATE {t} SET at = 2", "DELETE FROM {t}"])
def test_an_append_only_table_keeps_its_rows(rt, table, act):
    more = {"audit": ("action", "x"), "consent_event": ("action", "opt_in")}[table]
    columns = {"at": 1, more[0]: more[1]}
    if table == "consent_event":
        columns |= {
            "contact_id": 1,
            "phone_bidx": b"x",
            "cls": 2,
            "source": "",
            "wording": "",
            "evidence": "",
            "who": "",
        }
    else:
        columns |= {"who": "", "object": "", "detail": "", "ip": ""}
    with database.write_tx():
        database.copy_rows(table, tuple(columns), [tuple(columns.values())])
    with pytest.raises(DatabaseError, match="append-only"), database.write_tx():
        database.execute(act.format(t=table))
    assert database.scalar(f"SELECT COUNT(*) FROM {table} WHERE at = 1") == 1


def test_sqlite_survives_a_power_cut_after_a_commit(rt_sqlite):
    assert database.scalar("PRAGMA synchronous") == 2
    assert database.scalar("PRAGMA journal_mode") == "wal"


def test_a_percent_sign_and_a_mark_mean_the_same_on_both(rt):
    assert database.one("SELECT 7 % 4, CAST(? AS INTEGER)", (5,)) == (3, 5)


def test_an_unknown_scheme_is_refused_with_the_choices():
    with pytest.raises(Refusal, match="'mysql' is not one of sqlite, postgresql"):
        database.connect("mysql://x")
