"""What the database itself refuses: edges a message may not take, and changes of append-only tables."""

from __future__ import annotations

from core.db.codes import EDGES, State

APPEND_ONLY = ("consent_event", "audit")


def _masks() -> str:
    """SQL for the bit mask of states reachable from OLD.state."""
    whens = " ".join(
        f"WHEN {old.value} THEN {sum(1 << new.value for new in news)}" for old, news in EDGES.items()
    )
    return f"CASE OLD.state {whens} ELSE 0 END"


def sqlite() -> list[str]:
    """Statements that create the triggers on SQLite.

    AFTER, where it can be: before a change SQLite would read the row a second time.  Either ends the statement.
    """
    made = [
        f"CREATE TRIGGER message_edge AFTER UPDATE OF state ON message "
        f"WHEN NEW.state <> OLD.state AND (({_masks()}) >> NEW.state) & 1 = 0 "
        f"BEGIN SELECT RAISE(ABORT, 'message state change refused'); END"
    ]
    for table in APPEND_ONLY:
        for act in ("UPDATE", "DELETE"):
            made.append(
                f"CREATE TRIGGER {table}_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    return made


def postgres() -> list[str]:
    """Statements that create the triggers on PostgreSQL."""
    made = [
        "CREATE FUNCTION message_edge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'message state change refused: % to %', OLD.state, NEW.state; END $$",
        f"CREATE TRIGGER message_edge BEFORE UPDATE OF state ON message FOR EACH ROW "
        f"WHEN (NEW.state <> OLD.state AND ((({_masks()}) >> NEW.state) & 1) = 0) "
        f"EXECUTE FUNCTION message_edge()",
        "CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$",
    ]
    for table in APPEND_ONLY:
        made.append(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION append_only()"
        )
    return made


def reachable(old: State, new: State) -> bool:
    """May a message go from `old` to `new`?  The same table the triggers enforce."""
    return new in EDGES.get(old, frozenset())
