"""Lines of the log: made where a call ends, written in bulk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from core import clock
from core.contract.types import Outgoing
from core.db import database
from core.sending.calls import saying
from core.sending.item import Item, Lane

if TYPE_CHECKING:
    from core.sending.submit import Turn
    from core.sending.wire import Answer

KINDS = ("send", "poll", "look_up", "balance", "webhook")
COLUMNS = (
    *("account_id", "campaign_id", "kind", "at", "ms", "n", "accepted", "rejected", "retried", "unknown"),
    *("code", "error", "detail"),
)
#: Messages named in the detail of a row; webhook calls that get a row of their own in a batch.
NAMED, APART = 1_000, 50
_OUTCOME = attrgetter("outcome")
_SEND = frozenset({"rejected", "retry"})


class Call(NamedTuple):
    """One row, in the order of `COLUMNS`."""

    account_id: int
    campaign_id: int
    kind: str
    at: int
    ms: int
    n: int
    accepted: int = 0
    rejected: int = 0
    retried: int = 0
    unknown: int = 0
    code: str = ""
    error: str = ""
    detail: str | None = None


def write(rows: Sequence[Call]) -> None:
    """Append rows, inside `write_tx()`."""
    if len(rows) == 1:
        names = ", ".join(COLUMNS)
        database.execute(
            f"INSERT INTO provider_call ({names}) VALUES ({database.in_list(len(COLUMNS))})", rows[0]
        )
    elif rows:
        database.copy_rows("provider_call", COLUMNS, rows)


def of_window(
    lane: Lane,
    made: Turn,
    messages: Sequence[Outgoing],
    items: Sequence[Item],
    answer: Answer,
) -> Call:
    """The row of a window that was on the wire.  `at` is when it was marked: its messages' `submitted_at`."""
    results, error, names = answer
    n, ms = len(results), round(made.wire_s * 1000)
    if names is not None:
        return Call(lane.account_id, lane.campaign_id, "send", made.now, ms, n, n)
    counts = Counter(map(_OUTCOME, results))
    accepted = counts["accepted"]
    if accepted == n and error is None:
        return Call(lane.account_id, lane.campaign_id, "send", made.now, ms, n, accepted)
    bad = [at for at, result in enumerate(results) if result.outcome != "accepted"]
    pairs = saying.heard(lane.provider)
    one_each = len(pairs) == n
    chosen = [pairs[at] for at in bad] if one_each else pairs
    theirs = [messages[at] for at in bad[: saying.KEPT]] if one_each else messages
    mask = saying.mask_for(lane.provider, theirs)
    first = next((results[at] for at in bad if results[at].code or results[at].reason), None)
    why = error or (first and first.reason) or ""
    named = [(items[at].id, results[at].outcome, mask.text(results[at].code or "")) for at in bad[:NAMED]]
    detail = {"exchanges": saying.told(chosen, mask), "messages": named}
    return Call(
        lane.account_id, lane.campaign_id, "send", made.now, ms, n, accepted, counts["rejected"],
        counts["retry"] + counts["withheld"], counts["unknown"],
        (mask.text(first.code) if first and first.code else type(error).__name__ if error else "")[:60],
        saying.sentence(why, mask), orjson.dumps(detail).decode(),
    )  # fmt: skip


def webhooks(
    calls: Sequence[tuple[int, int, str, bytes, int]], errors: Iterable[tuple[int, str]], ms: int
) -> list[Call]:
    """Rows of a batch of webhook calls (id, account, kind, body, received at): one an account, and one for each
    call that was not understood, which names its row of the inbox."""
    wrong, now = dict(errors), clock.now_ms()
    rows: list[Call] = []
    for account_id, n in sorted(Counter(call[1] for call in calls).items()):
        theirs = [call for call in calls if call[1] == account_id]
        bad = [call for call in theirs if call[0] in wrong]
        if n > len(bad):
            rows.append(Call(account_id, 0, "webhook", now, ms, n - len(bad), n - len(bad)))
        rows += [
            Call(
                account_id, 0, "webhook", received_at, 0, 1, unknown=1, code="not_understood",
                error=saying.sentence(wrong[id_]),
                detail=orjson.dumps({"inbox": id_, "kind": kind, "bytes": len(body)}).decode(),
            )
            for id_, _account, kind, body, received_at in bad[:APART]
        ]  # fmt: skip
        if len(bad) > APART:
            rest = len(bad) - APART
            rows.append(Call(account_id, 0, "webhook", now, 0, rest, unknown=rest, code="not_understood"))
    return rows


def detail_of(text: str | None) -> dict[str, Any]:
    """The detail of a row; {} for none."""
    return orjson.loads(text) if text else {}
