"""One transaction of people against the contacts there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import consent, contactids, fields, kinds, labels, suppression
from core.audience.quality import merged
from core.audience.upserts.rows import Outcome, Person, Reader, Row
from core.contract.errors import Refusal
from core.db import bulk, database
from core.db.models import Field
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Who a program is in ledger and audit log; what it said may be taken back by what it says later.
WHO = "api:"


def upsert(rt: Runtime, rows: Sequence[Row], *, who: str) -> list[Outcome]:
    """Create or change contacts by number, in one transaction; outcomes in the order of the rows.

    A row that makes no sense is rejected by itself.  Values of a choice and labels that are new are made;
    fields are not: a misspelt key would be a field nobody asked for.
    """
    outcomes: list[Outcome] = [Outcome("rejected") for _row in rows]
    reader, people = Reader(rt), {}
    for at, row in enumerate(rows):
        try:
            person = reader.person(at, row)
        except Refusal as refusal:
            outcomes[at] = Outcome("rejected", str(refusal), refusal.field or "")
            continue
        earlier = people.get(person.bidx)
        if earlier:
            outcomes[earlier.at] = Outcome("duplicate")
            person.over(earlier)
        people[person.bidx] = person
    if not people:
        return outcomes
    ordered = [people[bidx] for bidx in sorted(people)]
    written, events = bulk.retry_conflict(_write, rt, ordered, reader, who)
    for person, outcome in zip(ordered, written, strict=True):
        outcomes[person.at] = outcome
    consent.announce(rt, events)
    created = [p.bidx for p, o in zip(ordered, written, strict=True) if o.status == "created"]
    if created:
        from core.audience import events as stream

        stream.join_waiting(rt, created)
    return outcomes


def _write(
    rt: Runtime, people: list[Person], reader: Reader, who: str
) -> tuple[list[Outcome], list[consent.Event]]:
    with database.write_tx():
        suppression.hold()
        used = [made for key, made in reader.known.items() if any(key in person.columns for person in people)]
        codes = {
            made.key: fields.add_choices(made, {p.columns.get(made.key) for p in people})
            for made in used
            if made.kind == "choice"
        }
        batch = _Batch(rt, people, used, codes, who)
        outcomes = batch.write(reader)
        counts = {word: sum(o.status == word for o in outcomes) for word in ("created", "updated")}
        if any(counts.values()):
            audit.record(who, "contact.upsert", "", ", ".join(f"{n} {word}" for word, n in counts.items()))
    return outcomes, batch.events


class _Batch:
    """People of one transaction against the contacts there are."""

    def __init__(
        self,
        rt: Runtime,
        people: list[Person],
        used: list[Field],
        codes: dict[str, dict[str, int]],
        who: str,
    ):
        self._rt, self._people, self._used, self._codes, self._who = rt, people, used, codes, who
        self._now = clock.now_ms()
        self.events: list[consent.Event] = []
        self._contacts: list[tuple] = []
        self._touched: list[tuple] = []
        self._profiles: list[tuple] = []
        self._marks: dict[tuple[int, bool], list[int]] = {}
        self._known = {bytes(row[1]): row for row in bulk.query_among(
            "SELECT c.id, c.phone_bidx, p.consent_bits, p.optout_bits, p.blocked_bits, c.name, c.email, p.language"
            + "".join(f", p.{made.column}" for made in used)
            + " FROM contact c JOIN profile p ON p.contact_id = c.id WHERE",
            "c.phone_bidx", [person.bidx for person in people],
        )}  # fmt: skip

    def write(self, reader: Reader) -> list[Outcome]:
        """Create and change what differs; outcomes in the order of the people."""
        fresh = [person.bidx for person in self._people if person.bidx not in self._known]
        barred, masks = self._barred(fresh), suppression.masks(fresh)
        made = self._insert(
            [p for p in self._people if p.bidx not in self._known and p.bidx not in barred], masks
        )
        having, kept = self._having(), self._opted_out_elsewhere()
        outcomes = []
        for person in self._people:
            if person.bidx in barred:
                outcomes.append(Outcome("rejected", barred[person.bidx], "phone"))
                continue
            row = self._known.get(person.bidx)
            outcome = Outcome(
                "unchanged" if row else "created", contact_id=row[0] if row else made[person.bidx]
            )
            changed = [
                bool(row) and self._change(person, row),
                self._mark(person, outcome.contact_id, having),
                self._consent(person, outcome, row[2:5] if row else (0, 0, masks.get(person.bidx, 0)), kept),
            ]
            if row and any(changed):
                outcome.status = "updated"
            outcomes.append(outcome)
        self._store(reader)
        return outcomes

    def _barred(self, fresh: list[bytes]) -> dict[bytes, str]:
        """Numbers that cannot become contacts, each with the sentence why."""
        former = merged.former(fresh)
        words = _("This number was merged into another contact; send that contact's number.")
        barred = dict.fromkeys(former, words)
        erased = bulk.query_among(
            "SELECT phone_bidx FROM suppression WHERE reason = 'erased' AND", "phone_bidx", fresh
        )
        words = _("This person was erased and stays so; a contact under this number cannot be made.")
        return barred | {bytes(row[0]): words for row in erased}

    def _change(self, person: Person, row: tuple) -> bool:
        """Note what differs of name, email, language and fields; True when something does."""
        old, new = row[5:], self._values(person, row[5:])
        if new[:2] != old[:2]:
            self._contacts.append((*new[:2], self._now, row[0]))
        elif new != old:
            self._touched.append((self._now, row[0]))
        if new[2:] != old[2:]:
            self._profiles.append((*new[2:], row[0]))
        return new != old

    def _mark(self, person: Person, contact_id: int, having: set[tuple[int, int]]) -> bool:
        """Note labels to put on or take off; True when there are some."""
        wrong = [(label, on) for label, on in person.labels.items() if ((contact_id, label) in having) != on]
        for label_and_on in wrong:
            self._marks.setdefault(label_and_on, []).append(contact_id)
        return bool(wrong)

    def _store(self, reader: Reader) -> None:
        columns = ["language", *(made.column for made in self._used)]
        bulk.update_rows("contact", "id", ["name", "email", "updated_at"], self._contacts)
        bulk.update_rows("contact", "id", ["updated_at"], self._touched)
        bulk.update_rows("profile", "contact_id", columns, self._profiles)
        for (label_id, on), ids in sorted(self._marks.items()):
            label = reader.label_of[label_id]
            labels.put(label, ids, source="import") if on else labels.take(label, ids)
        consent.record(self._rt, self.events)

    def _values(self, person: Person, old: Sequence[Any]) -> tuple:
        """name, email, language and the fields as they will be."""
        basics = person.basics
        values = [
            basics.get("name", old[0]),
            basics.get("email", old[1]),
            basics.get("language", old[2]) or "",
        ]
        for made, before in zip(self._used, old[3:], strict=True):
            value = person.columns.get(made.key) if made.key in person.columns else before
            if made.key in person.columns and made.kind == "choice" and value is not None:
                value = self._codes[made.key][value]
            values.append(value)
        return tuple(values)

    def _insert(self, fresh: list[Person], masks: Mapping[bytes, int]) -> dict[bytes, int]:
        """Append new contacts; blind index → id."""
        if not fresh:
            return {}
        n, keys, now = len(fresh), self._rt.keys, self._now
        ids = contactids.new(n)
        rows = [self._values(person, (None, None, "", *[None] * len(self._used))) for person in fresh]
        name, email, language, *others = zip(*rows, strict=True)
        numbers = [person.phone.e164 for person in fresh]
        bulk.insert_columns(
            "contact",
            {"id": ids, "phone_bidx": [person.bidx for person in fresh], "phone_enc": keys.seal_numbers(numbers),
             "tail": [int(number[-4:]) for number in numbers], "name": name, "email": email},
            {"source": "api", "created_at": now, "updated_at": now},
            n,
        )  # fmt: skip
        bulk.insert_columns(
            "profile",
            {"contact_id": ids, "country": [person.phone.country for person in fresh],
             "line_type": [int(person.phone.line_type) for person in fresh],
             "blocked_bits": [masks.get(person.bidx, 0) for person in fresh], "language": language}
            | {made.column: column for made, column in zip(self._used, others, strict=True)},
            {"label_bits": 0, "consent_bits": 0, "optout_bits": 0, "created_at": now, "last_sent_at": 0,
             "sent_count": 0},
            n,
        )  # fmt: skip
        return {person.bidx: contact_id for person, contact_id in zip(fresh, ids, strict=True)}

    def _having(self) -> set[tuple[int, int]]:
        """(contact, label) of those labels the rows name and the contacts have."""
        wanted = sorted({label_id for person in self._people for label_id in person.labels})
        if not wanted or not self._known:
            return set()
        ids = [row[0] for row in self._known.values()]
        select = "SELECT contact_id, label_id FROM contact_label WHERE label_id "
        select += f"IN ({', '.join(str(int(label_id)) for label_id in wanted)}) AND"
        return {(row[0], row[1]) for row in bulk.query_among(select, "contact_id", ids)}

    def _consent(
        self, person: Person, outcome: Outcome, masks: tuple[int, int, int], kept: set[tuple[int, int]]
    ) -> bool:
        consents, optouts, blocked = masks
        before = len(self.events)
        for cls, said in person.consent.items():
            if (consents if said.agree else optouts) & cls.bit:
                continue
            if said.agree and (blocked & cls.bit or (outcome.contact_id, int(cls)) in kept):
                outcome.ignored.append(cls.name)
                continue
            self.events.append(consent.Event(
                outcome.contact_id, person.bidx, cls, "opt_in" if said.agree else "opt_out",
                kinds.clean(said.source), kinds.clean(said.wording), {}, self._who, None, self._now,
            ))  # fmt: skip
        return len(self.events) > before

    def _opted_out_elsewhere(self) -> set[tuple[int, int]]:
        """(contact, class) of those who opted out themselves or were opted out by a person."""
        asked = [
            self._known[p.bidx][0]
            for p in self._people
            if p.bidx in self._known
            and any(said.agree and self._known[p.bidx][3] & cls.bit for cls, said in p.consent.items())
        ]
        last: dict[tuple[int, int], tuple] = {}
        for row in bulk.query_among(
            "SELECT contact_id, cls, id, action, batch_id, who FROM consent_event "
            "WHERE action IN ('opt_in', 'opt_out', 'erase') AND",
            "contact_id", asked,
        ):  # fmt: skip
            if row[2] > last.get(row[:2], (0, 0, 0))[2]:
                last[row[:2]] = row
        return {
            at
            for at, row in last.items()
            if row[3] == "opt_out" and row[4] is None and not row[5].startswith(WHO)
        }
