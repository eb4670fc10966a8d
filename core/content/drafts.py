"""Drafts: a text merged for one person, and what the content checks say of it.

Checks are plugins.  Each is asked on its own: one that raises or dawdles says so as a finding and never
hides what the others found.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from time import perf_counter
from typing import Any

from core.content import filters, honorific, links, merge, values
from core.content.vendortexts import standing
from core.contract.types import Draft, Finding
from core.db import database
from core.db.models import Field
from core.i18n import _, pick_language
from core.runtime import Runtime

log = logging.getLogger("cooee.checks")

#: What a check may take while someone types.
BUDGET_MS = 50.0
#: One that took longer is not asked again while people type for so many times what it took: a twentieth of the time.
REST = 20
LEVELS = ("block", "warn", "info", "good")
#: The editor looks at this many of the newest contacts: quick at any size.
NEWEST = 10_000

#: Made-up people, a row a language: (name, gender, city, country, e-mail).
_PEOPLE = {
    "zh": ("王小雅", "女", "上海", "CN", "xiaoya@example.com"),
    "de": ("Anna Keller", "weiblich", "Berlin", "DE", "anna@example.com"),
    "tr": ("Ayşe Yılmaz", "kadın", "İzmir", "TR", "ayse@example.com"),
    "fr": ("Camille Laurent", "femme", "Lyon", "FR", "camille@example.com"),
    "en": ("Emma Carter", "female", "Bristol", "GB", "emma@example.com"),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """What one person would read: `text`, or why they would get nothing (`problem`, one sentence).

    `values` are those the text was merged with.
    """

    text: str
    problem: str = ""
    values: Mapping[str, Any] | None = None


def sample_values(names: Sequence[str], lang: str) -> dict[str, Any]:
    """Values of a made-up person for these names; a choice field gets its first choice."""
    name, gender, city, country, email = _PEOPLE.get(lang[:2].lower(), _PEOPLE["en"])
    locale = filters.locale(lang)
    known: dict[str, Any] = {
        "name": name, "first_name": honorific.first_name(name), "gender": gender, "city": city,
        "email": email,
        "honorific": honorific.address(name, gender, lang), "birthday": date(1990, 5, 20),
        "country": locale.territories.get(country, country),
        "language": locale.languages.get(lang[:2].lower(), lang),
    }  # fmt: skip
    fields = {field.key: field for field in Field.select().where(Field.key.in_(list(names)))} if names else {}
    made: dict[str, Any] = {}
    for wanted in names:
        field = fields.get(wanted)
        if wanted in known and (field is None or field.builtin):
            made[wanted] = known[wanted]
        else:
            made[wanted] = _example(field) if field else _("(%(name)s)", name=wanted)
    return made


def _example(field: Field) -> Any:
    if field.kind == "choice":
        first = database.scalar(
            "SELECT text FROM field_choice WHERE field_id = ? ORDER BY code LIMIT 1", (field.id,)
        )
        return first or field.title
    return {"number": 268, "date": date(2026, 11, 22), "bool": True}.get(field.kind, field.title)


def preview(
    rt: Runtime, text: str, lang: str, contact_id: int | None = None, *, cls: str = "mass"
) -> Preview:
    """The text as one contact, or the made-up person, would read it; syntax errors become the problem.

    Links are shown as short links of their true length, as texts of this class are sent.
    """
    try:
        merge.compile(text, lang, values.known_names(rt))
        compiled = merge.compile(links.as_sent(text, rt.settings, web=cls != links.UNTOUCHED), lang)
    except merge.BadText as error:
        return Preview("", str(error))
    if contact_id is None:
        given = sample_values(compiled.names, lang)
    else:
        columns = values.values_for(rt, compiled.names, [contact_id], lang)
        given = {name: column[0] for name, column in columns.items()}
    merged = compiled.render(given)
    if isinstance(merged, str):
        return Preview(merged, values=given)
    if merged.reason == "too_long":
        sentence = _(
            "With these values the text is over %(max)s characters; it would not be sent.",
            max=merge.MAX_CHARS,
        )
    else:
        sentence = _(
            "This contact has no %(name)s and would get no text. Give the field a default.", name=merged.name
        )
    return Preview("", sentence, given)


def language_of(contact_id: int | None) -> str:
    """The language a contact is known to read; empty when it is not known."""
    if contact_id is None:
        return ""
    return database.scalar("SELECT language FROM profile WHERE contact_id = ?", (contact_id,)) or ""


def draft(
    rt: Runtime, text: str, cls: str, lang: str, *, contact_id: int | None = None, sender: str = "",
    countries: frozenset[str] = frozenset(), missing: Mapping[str, int] | None = None,
    audience: int | None = None, sampled: bool = False, template_id: int | None = None,
    accounts: Collection[int] | None = None,
) -> Draft:  # fmt: skip
    """A draft as the checks want it, merged for a contact or the made-up person.

    `missing` and `audience` come from `missing_counts`, `sampled` from `sampled`; a text that cannot be
    merged has no sample.  `template_id` is the saved template it is of, `accounts` those a campaign may send
    it through.
    """
    shown = preview(rt, text, lang, contact_id, cls=cls)
    if not shown.text and contact_id is not None:
        shown = preview(rt, text, lang, cls=cls)
    return Draft(
        text=text, cls=cls, lang=lang, sample=shown.text, fields=frozenset(values.known_names(rt)),
        missing=missing or {}, audience=audience, sampled=sampled, countries=countries, sender=sender,
        at_vendor=standing.of_text(rt, text, cls, lang, template_id, countries, accounts),
    )  # fmt: skip


def missing_counts(
    rt: Runtime, text: str, lang: str = "en", where: str = "", params: Sequence[Any] = ()
) -> tuple[int, dict[str, int]]:
    """(people looked at, {name: how many of them lack it}) for names used without a default.

    `where` is SQL over `profile` under its own name, as `segments.where_sql` gives it; without it the newest
    10,000 contacts are looked at.  One statement; names of plugins are not counted.
    """
    try:
        tags = merge.compile(text, lang).tags
    except merge.BadText:
        tags = ()
    wanted = list(dict.fromkeys(tag.name for tag in tags if not tag.has_default))
    fields = {field.key: field for field in Field.select()}
    columns: dict[str, str] = {}
    for name in wanted:
        source = "name" if name == "first_name" and name not in fields else name
        if source in fields:
            column = f'profile."{fields[source].column}"'
            columns[name] = f"{column} IS NULL" + (
                f" OR {column} = ''" if fields[source].kind == "text" else ""
            )
        elif source in ("name", "email"):
            columns[name] = f"contact.{source} IS NULL OR contact.{source} = ''"
        elif source in ("country", "language"):
            columns[name] = f"profile.{source} = ''"
    if not where:
        where, params = "profile.contact_id > ?", (_oldest_of_newest(),)
    sums = "".join(f", SUM(CASE WHEN {empty} THEN 1 ELSE 0 END)" for empty in columns.values())
    people = "profile JOIN contact ON contact.id = profile.contact_id" if "contact." in sums else "profile"
    row = database.one(f"SELECT COUNT(*){sums} FROM {people} WHERE {where}", params)
    return row[0], {name: int(n or 0) for name, n in zip(columns, row[1:], strict=True)}


def sampled() -> bool:
    """Whether there are more contacts than the newest that `missing_counts` and `country_of` look at."""
    sql = "SELECT 1 FROM profile WHERE contact_id <= ? LIMIT 1"
    return database.scalar(sql, (_oldest_of_newest(),)) is not None


def country_of(languages: Sequence[str], lang: str, default: str) -> str:
    """The country most of the newest contacts live in who would read the text in `lang` of a template.

    `languages` are those the template has, `default` the one for everyone else; "" when nobody would read it.
    """
    read_in: Counter[str] = Counter()
    rows = database.query(
        "SELECT language, country, COUNT(*) FROM profile WHERE contact_id > ? AND country <> ''"
        " GROUP BY language, country ORDER BY country",
        (_oldest_of_newest(),),
    )
    for language, country, n in rows:
        if pick_language(languages, language, default) == lang:
            read_in[country] += n
    return max(read_in, key=lambda country: read_in[country], default="")


def _oldest_of_newest() -> int:
    """The contact id the newest begin after."""
    return (database.scalar("SELECT MAX(contact_id) FROM profile") or 0) - NEWEST


def check(rt: Runtime, draft: Draft, *, typing: bool = False) -> list[Finding]:
    """What every content check says, worst first, in the order of the plugins within a level.

    `typing`: at each key press, when a check that took too long rests and a finding says so.
    """
    found: list[Finding] = []
    for name, plugin in rt.plugins.checks.items():
        started = perf_counter()
        if typing and started < rt.plugins.resting.get(name, 0.0):
            sentence = _("The check %(name)s is slow and skipped while you type; the check of the campaign asks it.",
                         name=name)  # fmt: skip
            found.append(Finding("info", f"{name}.skipped", sentence))
            continue
        try:
            found += [_sound(finding) for finding in plugin.check(draft)]
        except Exception as error:
            log.exception("check %s failed", name)
            sentence = _("The check %(name)s failed (%(error)s) and found nothing out.",
                         name=name, error=type(error).__name__)  # fmt: skip
            found.append(Finding("warn", f"{name}.failed", sentence))
        ms = (perf_counter() - started) * 1000
        if ms > BUDGET_MS:
            rt.plugins.resting[name] = started + (1 + REST) * ms / 1000
            log.warning(
                "check %s took %.0f ms; it runs while people type and may take %.0f", name, ms, BUDGET_MS
            )
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def _sound(finding: Finding) -> Finding:
    if finding.level not in LEVELS:
        raise ValueError(f"level {finding.level!r} is not one of {', '.join(LEVELS)}")
    return finding


def blocks(findings: Sequence[Finding]) -> list[Finding]:
    """Those that keep a campaign from being launched."""
    return [finding for finding in findings if finding.level == "block"]
