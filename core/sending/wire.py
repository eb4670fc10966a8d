"""The wire: a marked window is handed to its provider, with the journal before and after.

No transaction is open here, and nothing here is believed: whatever a provider gives or raises becomes one
`Result` a message, and what is not proof of "not sent" is "unknown".
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from core import clock, faults, ids
from core.contract.errors import Ambiguous, BadConfig, ProviderError, Refused
from core.contract.types import Outgoing, Result
from core.db.codes import Cls
from core.redact import numbers
from core.sending import calls, consequences
from core.sending.item import Item, Lane
from core.sending.record import WITHHELD

if TYPE_CHECKING:
    from core.sending.leases import Worker
    from core.sending.submit import Turn

log = logging.getLogger("cooee.wire")

#: A window that did not reach the wire this long after its mark is given back: the worker slept, and another
#: may have judged it dead (leases.LEASE_S).
WIRE_START_S = 10.0
UNTOUCHED = Result(WITHHELD)
#: The provider may have forgotten the reference by now, so repeating it is no repeat any more.
TOO_LATE = Result("unknown", code="repeat_too_late")
#: Room for the ids of a dozen parts.
_ID_MAX = 1_000
#: What a result has behind outcome and provider id when it says no more.
_SILENT = (None,) * 5

#: A tuple as an `Outgoing`, without the call of a Python function that naming its fields is.
_outgoing = partial(tuple.__new__, Outgoing)
_OUTCOME, _ID, _MORE = itemgetter(0), itemgetter(1), itemgetter(slice(2, None))


class Answer(NamedTuple):
    """A result for each message, and the error that ended a call, if any.

    `names`: where all were accepted and nothing else was told, the provider's ids of them; None otherwise.
    Nearly every window is like that, and then nobody need look at its results one by one.
    """

    results: Sequence[Result]
    error: Exception | None = None
    names: list[str | None] | None = None


def put(worker: Worker, references: ids.References, lane: Lane, made: Turn) -> Answer:
    """Send a marked window; a result for each message, and the error that ended a call, if any.

    The journal has the ids on disk before the first byte and the results before they are recorded.
    """
    items = made.marked
    if clock.monotonic() - made.at > WIRE_START_S:
        return Answer([UNTOUCHED] * len(items))
    ids = [item.id for item in items]
    worker.journal.sent(lane.lease, lane.account_id, ids)
    faults.point("wire:before")
    going = [item for item in items if item.id not in made.stale] if made.stale else items
    messages = outgoing(references, lane, going)
    calls.listen(lane.provider)
    began, cpu_began = clock.monotonic(), clock.thread_cpu()
    answer = _call(lane, messages)
    made.wire_s, made.wire_cpu_s = clock.monotonic() - began, clock.thread_cpu() - cpu_began
    made.call = calls.of_window(lane, made, messages, going, answer)
    if made.stale:
        answers = iter(answer.results)
        results = [TOO_LATE if id_ in made.stale else next(answers) for id_ in ids]
        answer = Answer(results, answer.error)
    faults.point("wire:after")
    worker.journal.told(lane.lease, ids, answer.results, answer.names)
    faults.point("wire:told")
    return answer


def outgoing(references: ids.References, lane: Lane, items: Sequence[Item]) -> list[Outgoing]:
    """A window as the provider gets it."""
    refs, cls = references.many([item.id for item in items]), Cls(lane.cls).name
    # Column by column: half the time of row by row.
    columns = zip(
        refs, [i.to for i in items], [i.text for i in items], repeat(lane.sender), repeat(cls),
        [i.encoding for i in items], [i.parts for i in items], [i.language for i in items], [i.vendor for i in items],
    )  # fmt: skip
    return list(map(_outgoing, columns))


def _call(lane: Lane, messages: Sequence[Outgoing]) -> Answer:
    size = max(1, lane.provider.batch_size)
    results: list[Result] = []
    names: list[str | None] | None = []
    for at in range(0, len(messages), size):
        chunk = messages[at : at + size]
        try:
            said = list(lane.provider.send(chunk))
            ids = _all_accepted(said) if len(said) == len(chunk) else None
            if ids is None:
                names, said = None, _checked(said, len(chunk), lane)
            elif names is not None:
                names += ids
            results += said
            halt = consequences.halt_of(said) if lane.errors and ids is None else None
            if halt is not None:
                return Answer(results + [UNTOUCHED] * (len(messages) - len(results)), halt)
        except Exception as error:
            if not isinstance(error, ProviderError):
                # Its words may hold what was to be sent.
                told = calls.trace(error, calls.mask_for(lane.provider, chunk))
                log.error("provider %s raised what is not in its contract\n%s", lane.provider.name, told)  # noqa: TRY400
            results += [verdict(error)] * len(chunk)
            # The rest was not even tried.
            results += [UNTOUCHED] * (len(messages) - len(results))
            return Answer(results, error)
    return Answer(results, None, names)


def _all_accepted(answers: list[Any]) -> list[str | None] | None:
    """The ids, if these are results that were accepted and tell no more than an id fit to be stored."""
    if set(map(type, answers)) != {Result} or set(map(_OUTCOME, answers)) != {"accepted"}:
        return None
    if set(map(_MORE, answers)) != {_SILENT}:
        return None
    names = list(map(_ID, answers))
    told = [name for name in names if name is not None]
    if told and not (
        set(map(type, told)) == {str} and "".join(told).isprintable() and max(map(len, told)) <= _ID_MAX
    ):
        return None
    return names


def _checked(answers: list[Any], n: int, lane: Lane) -> list[Result]:
    """Answers in the right number and of the right kind, fit to be stored."""
    if len(answers) != n:
        raise Ambiguous(f"{lane.provider.name} gave {len(answers)} results for {n} messages")
    last, good = object(), UNTOUCHED
    for at, answer in enumerate(answers):
        if answer is not last:
            last, good = answer, _private(lane, consequences.settled(lane.errors, _fit(answer)))
        answers[at] = good
    return answers


def _private(lane: Lane, result: Result) -> Result:
    """A result without phone numbers: vendors repeat them in what they say.

    A code the account knows stays; so does the provider's id, for receipts name it.
    """
    code, reason = result.code, result.reason
    masked = code if not code or code in lane.errors else numbers(code), reason and numbers(reason)
    return result if masked == (code, reason) else result._replace(code=masked[0], reason=masked[1])


def _fit(answer: Any) -> Result:
    if not isinstance(answer, Result) or answer.outcome == WITHHELD:
        return Result("unknown", code="bad_result", reason=f"{type(answer).__name__} is no result")
    if answer[2:] == _SILENT and _plain(answer.provider_id):
        return answer
    return answer._replace(
        provider_id=_word(answer.provider_id), code=_word(answer.code), reason=_word(answer.reason),
        parts=_number(answer.parts, 255), cost_micros=_number(answer.cost_micros, 1 << 50), after_s=_seconds(answer.after_s),
    )  # fmt: skip


def _plain(word: Any) -> bool:
    return word is None or (type(word) is str and len(word) <= _ID_MAX and word.isprintable())


def _word(value: Any) -> str | None:
    """Text every database and the journal take: no control characters, no lone surrogates."""
    if value is None:
        return None
    return "".join(char if char.isprintable() else " " for char in str(value)[:_ID_MAX])


def _number(value: Any, most: int) -> int | None:
    return value if type(value) is int and 0 <= value <= most else None


def _seconds(value: Any) -> float | None:
    return min(float(value), 86_400.0) if isinstance(value, int | float) and value >= 0 else None


def verdict(error: Exception) -> Result:
    """What an error of a whole call says of each of its messages."""
    word = (_word(numbers(str(error)[:_ID_MAX])) or "")[:120]
    if isinstance(error, BadConfig):
        return UNTOUCHED
    if isinstance(error, Refused):
        return Result("rejected", reason=word)
    if isinstance(error, ProviderError) and error.retry:
        return Result(WITHHELD, reason=word, after_s=max(error.after_s or 1.0, 0.1))
    code = type(error).__name__ if isinstance(error, ProviderError) else "provider_error"
    return Result("unknown", code=code)
