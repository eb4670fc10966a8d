"""Who will have had enough of a class when a campaign reaches them: the forecast of what the submit mark decides
(`core.db.gate.over_cap`), for a whole audience in the SELECT that counts it.

What other campaigns send between now and then nobody knows; what they sent so far is counted.
"""

from __future__ import annotations

from core.db import classes
from core.db.codes import Cls, State
from core.db.gate import CAP_SPANS_MS
from core.sending import people

#: Messages a person got, or may have got.
_GOT = (State.submitting, State.accepted, State.delivered, State.undelivered, State.expired, State.in_doubt)


def sql(cls: Cls, start: people.Start) -> str:
    """Expression over the columns of `people.select_sql` (as `person`): 1 for who is over a cap, else 0."""
    rules, begins = classes.of(cls), people.not_before_sql(start)
    states = ", ".join(str(state.value) for state in _GOT)
    whens = ""
    for most, span_ms in zip((rules.cap_day, rules.cap_week), CAP_SPANS_MS, strict=True):
        if most is not None:
            since = f"({begins}) - {span_ms}"
            # Most people were not texted lately: for them nothing is counted.
            whens += (
                f"WHEN last_sent_at > {since} AND (SELECT COUNT(*) FROM message g "
                f"WHERE g.contact_id = person.contact_id AND g.cls = {cls.value} AND g.submitted_at > {since} "
                f"AND g.state IN ({states})) >= {most} THEN 1 "
            )
    return f"CASE WHEN why IS NOT NULL THEN 0 {whens}ELSE 0 END" if whens else "0"
