"""People, texts and accounts for tests of campaigns."""

from __future__ import annotations

from core import clock
from core.db import database, tally
from core.db.codes import Cls, LineType, State
from core.db.models import Account, Contact, Profile, Segment, Template, TemplateText
from core.security.crypto import Keys

MASS = Cls.mass.bit
EVERYONE = '{"all": []}'


def person(
    rt, n: int, *, name: str | None = "Anna Smith", country: str = "CN", language: str = "", consent: int = MASS,
    blocked: int = 0, line: LineType = LineType.mobile, **fields,
) -> int:  # fmt: skip
    """One contact; the n-th number of the country.  Returns the id."""
    keys: Keys = rt.keys
    prefix, digits = {
        "CN": ("+86138", 8),
        "US": ("+1415555", 4),
        "FR": ("+336", 8),
        "GB": ("+447700", 6),
    }.get(country, ("+49151", 8))
    phone = f"{prefix}{n:0{digits}d}"
    with database.write_tx():
        contact = Contact.create(
            phone_bidx=keys.blind_index(phone), phone_enc=keys.seal_number(phone), tail=int(phone[-4:]), name=name,
            created_at=clock.now_ms(), updated_at=clock.now_ms(),
        )  # fmt: skip
        Profile.create(
            contact_id=contact.id, country=country, language=language, line_type=line, consent_bits=consent,
            blocked_bits=blocked, created_at=clock.now_ms(),
        )  # fmt: skip
        for column, value in fields.items():
            database.execute(f"UPDATE profile SET {column} = ? WHERE contact_id = ?", (value, contact.id))
    return contact.id


def crowd(rt, n: int, country: str = "CN", consent: int = MASS) -> None:
    """Many contacts with a cheap number each, for figures rather than faces."""
    first = (database.scalar("SELECT MAX(id) FROM contact") or 0) + 1
    at = clock.now_ms()
    sealed = rt.keys.seal_number("+8613800138000")
    with database.write_tx():
        database.copy_rows(
            "contact",
            ("id", "phone_bidx", "phone_enc", "tail", "name", "source", "created_at", "updated_at"),
            [
                (i, i.to_bytes(16), sealed, i % 10_000, f"Person {i}", "", at, at)
                for i in range(first, first + n)
            ],
        )
        database.copy_rows(
            "profile",
            ("contact_id", "country", "language", "line_type", "created_at", "consent_bits", "label_bits",
             "blocked_bits", "optout_bits", "last_sent_at", "sent_count"),
            [(i, country, "", 1, at, consent, 0, 0, 0, 0, 0) for i in range(first, first + n)],
        )  # fmt: skip
        if database.is_postgres():
            database.execute("SELECT setval(pg_get_serial_sequence('contact', 'id'), ?)", (first + n,))


def segment(name: str = "Everyone", rule: str = EVERYONE) -> int:
    """A saved segment."""
    with database.write_tx():
        return Segment.create(name=name, rule=rule, created_at=clock.now_ms(), updated_at=clock.now_ms()).id


def template(name: str = "Hello", cls: Cls = Cls.mass, default: str = "en", **bodies: str) -> int:
    """A template with one text a language."""
    bodies = bodies or {default: "【Cooee】20% off this week. Reply STOP to opt out 拒收请回复R"}
    at = clock.now_ms()
    with database.write_tx():
        made = Template.insert(
            {"name": name, "cls": cls, "default_lang": default, "created_at": at, "updated_at": at}
        ).execute()
        for lang, body in bodies.items():
            TemplateText.create(template_id=made, lang=lang, version=1, body=body, created_at=at)
    return made


def account(
    rt,
    name: str = "main",
    provider: str = "null",
    rate: float | None = None,
    price: int = 0,
    currency: str = "CNY",
) -> int:
    """An account without settings; `price` in micro-units a part."""
    from core.sending import prices

    with database.write_tx():
        made = Account.create(
            name=name, provider=provider, settings_enc=b"", token=f"token-{name}", rate_per_s=rate,
            created_at=clock.now_ms(),
        )  # fmt: skip
        if price:
            prices.put(made.id, [prices.Line(price, currency)])
    return made.id


def campaign(
    rt, *, who: str = "ann@example.com", name: str = "Winter", quiet_hours: str = "off", **given
) -> int:
    """A complete draft over everyone; what is not given is made."""
    from core.sending import drafts

    given.setdefault("segment_id", segment(f"Everyone of {name}"))
    given.setdefault("account_id", account(rt, f"account of {name}"))
    given.setdefault("templates", [(template(f"text of {name}"), 1)])
    options = {"quiet_hours": quiet_hours} | given.pop("options", {})
    return drafts.add(rt, name=name, who=who, options=options, **given)


def states(campaign_id: int) -> dict[str, int]:
    """{state: rows} as the table itself says."""
    rows = database.query(
        "SELECT state, COUNT(*) FROM message WHERE campaign_id = ? GROUP BY state", (campaign_id,)
    )
    return {State(state).name: n for state, n in rows}


def launched(rt, campaign_id: int, who: str = "ann@example.com") -> None:
    """Launch and expand in this process."""
    from core.sending import expand, launch

    launch.launch(rt, campaign_id, who)
    expand.run(rt, campaign_id)


def in_doubt(campaign_id: int, n: int) -> None:
    """Take n messages the way to the wire and leave them there without an answer."""
    with database.write_tx():
        rows = database.query(
            "SELECT id FROM message WHERE campaign_id = ? AND state = 0 LIMIT ?", (campaign_id, n)
        )
        for state in (State.claimed, State.submitting, State.in_doubt):
            database.executemany(
                f"UPDATE message SET state = {state.value}, reason = 'no_answer' WHERE id = ?", rows
            )
        deltas = tally.Deltas()
        deltas.add((campaign_id, 0, 0, 0, State.ready), -n)
        deltas.add((campaign_id, 0, 0, 0, State.in_doubt), n)
        tally.move(deltas)
