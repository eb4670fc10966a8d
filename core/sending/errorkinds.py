"""What the codes of an account's vendor mean: the provider's own table, with what people changed of it.

A change takes effect with the next call: `accounts.open_provider` makes the provider anew when
`account.errors_version` has grown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.contract.errors import CooeeError, Refusal
from core.contract.kinds import KINDS
from core.db import database
from core.db.models import Account
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.contract.types import Provider
    from core.runtime import Runtime

CODE_MAX = 60
#: How far back the page counts.
DAYS = 30


class Row(NamedTuple):
    """One line of an account's table.

    `kind` is what stands, `default` the provider's own ("" where it knows nothing), `changed` whether a person
    set it; `n` and `last_at` are of the last `DAYS` days.
    """

    code: str
    kind: str
    default: str
    changed: bool
    n: int
    last_at: int | None


def changed(account_id: int) -> dict[str, str]:
    """{code: kind} as people set it."""
    return dict(database.query("SELECT code, kind FROM error_kind WHERE account_id = ?", (account_id,)))


def give(provider: Provider, account_id: int) -> None:
    """Give a provider just made the kinds that stand for its account; called by `accounts` only."""
    theirs = changed(account_id)
    own = dict.fromkeys(map(str, provider.optout_codes), "optout")
    provider.errors = {**own, **provider.errors, **theirs}
    if isinstance(getattr(type(provider), "optout_codes", None), property):
        return  # it reads `errors`
    listed = [code for code in own if theirs.get(code, "optout") == "optout"]
    listed += [code for code, kind in provider.errors.items() if kind == "optout" and code not in own]
    provider.optout_codes = tuple(listed)


class Known(dict[int, Mapping[str, str]]):
    """{account: {code: kind}}, looked up when first needed; empty where the provider cannot be opened."""

    def __init__(self, rt: Runtime):
        super().__init__()
        self._rt = rt

    def __missing__(self, account_id: int) -> Mapping[str, str]:
        from core.sending import accounts

        try:
            found = accounts.open_provider(self._rt, account_id, connect=False).errors
        except CooeeError:
            found = {}
        self[account_id] = found
        return found


def put(account: Account, kinds: Mapping[str, str], *, who: str = "") -> None:
    """Set kinds of codes; an empty kind takes a person's word back.  Raises `Refusal`."""
    checked = {_code(code): _kind(kind) for code, kind in kinds.items()}
    now = clock.now_ms()
    with database.write_tx():
        for code, kind in sorted(checked.items()):
            if kind:
                database.execute(
                    "INSERT INTO error_kind (account_id, code, kind, who, at) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (account_id, code) DO UPDATE SET kind = excluded.kind, who = excluded.who, "
                    "at = excluded.at",
                    (account.id, code, kind, who, now),
                )
            else:
                database.execute(
                    "DELETE FROM error_kind WHERE account_id = ? AND code = ?", (account.id, code)
                )
        told = ", ".join(f"{code}={kind or 'default'}" for code, kind in sorted(checked.items()))
        _grown(account, who, told)


def reset(account: Account, *, who: str = "") -> int:
    """Take all of people's words back; how many there were."""
    with database.write_tx():
        n = database.execute("DELETE FROM error_kind WHERE account_id = ?", (account.id,)).rowcount
        _grown(account, who, "all as the provider has them")
    return n


def _grown(account: Account, who: str, told: str) -> None:
    database.execute("UPDATE account SET errors_version = errors_version + 1 WHERE id = ?", (account.id,))
    audit.record(who, "account.errors", account.name, told[:1000])


def table(rt: Runtime, account: Account) -> list[Row]:
    """Every code known or seen: unknown ones that came first, then by how often they came."""
    cls = rt.plugins.providers.get(account.provider)
    theirs, seen = changed(account.id), counts(account.id)
    default = dict(cls.ERRORS) if cls else {}
    stands = {**Known(rt)[account.id], **theirs}
    for code in stands.keys() - default.keys() - theirs.keys():
        default[code] = stands[code]
    rows = []
    for code in {*stands, *default, *seen}:
        kind, (n, last_at) = stands.get(code, default.get(code, "other")), seen.get(code, (0, None))
        rows.append(Row(code, kind, default.get(code, ""), code in theirs, n, last_at))
    return sorted(rows, key=lambda r: (not (r.n and not r.default and not r.changed), -r.n, r.code))


def counts(account_id: int) -> dict[str, tuple[int, int]]:
    """{code: (how often, when last)} of the last `DAYS` days."""
    since = clock.now_ms() // clock.DAY_MS - DAYS
    rows = database.query(
        "SELECT code, SUM(n), MAX(last_at) FROM error_seen WHERE account_id = ? AND day > ? GROUP BY code",
        (account_id, since),
    )
    return {code: (int(n), last_at) for code, n, last_at in rows}


def note(codes: Iterable[tuple[int, str]], now: int) -> None:
    """Count (account, code) pairs, inside the transaction that records the refusals."""
    found = Counter((account_id, code[:CODE_MAX]) for account_id, code in codes if code)
    if found:
        day = now // clock.DAY_MS
        database.executemany(
            "INSERT INTO error_seen (account_id, code, day, n, last_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (account_id, code, day) DO UPDATE SET n = error_seen.n + excluded.n, "
            "last_at = excluded.last_at",
            [(account_id, code, day, n, now) for (account_id, code), n in sorted(found.items())],
        )


def _code(code: str) -> str:
    tidy = code.strip()
    if not tidy or len(tidy) > CODE_MAX or not tidy.isprintable():
        raise Refusal(_("A code has 1 to %(max)s characters.", max=CODE_MAX), field="code")
    return tidy


def _kind(kind: str) -> str:
    if kind and kind not in KINDS:
        raise Refusal(
            _("“%(kind)s” is no kind; there are %(known)s.", kind=kind, known=", ".join(KINDS)), field="kind"
        )
    return kind
