"""Words and forms of the pages of papers; also the page that is printed and put into the zip."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from wtforms import BooleanField, DateField, SelectField, StringField, TextAreaField
from wtforms import validators as v

from core.db import database
from core.db.codes import Cls
from core.i18n import _, _l
from core.sending.dossiers import barring, needs, standing
from core.sending.dossiers.standing import Dossier
from core.web import evidencefile
from core.web.forms import Form, tidy


@dataclass(frozen=True, slots=True)
class Badge:
    """A state as a label: tone good, warn, bad, info or plain, and words."""

    tone: str
    words: str


class CompanyForm(Form):
    """Whose papers these are."""

    company = StringField(
        _l("Company"), [v.InputRequired()], filters=[tidy], description=_l("As it stands in the contract.")
    )
    countries = StringField(
        _l("Countries it serves for you"), [v.InputRequired()], filters=[tidy],
        description=_l("Two letters each, such as CN US DE; they say which papers are needed."),
    )  # fmt: skip


class VerdictForm(Form):
    """The judgement of a person."""

    verdict = SelectField(_l("Verdict"))
    until = DateField(
        _l("Conditions hold until"), [v.Optional()], description=_l("Only for “passed with conditions”.")
    )
    note = TextAreaField(_l("Note"), [v.Optional()], filters=[tidy], render_kw={"rows": 3})


class PaperForm(Form):
    """What is written about one paper."""

    number = StringField(_l("Number on the paper"), filters=[tidy])
    issuer = StringField(_l("Issued by"), filters=[tidy])
    holder = StringField(
        _l("Holder"), filters=[tidy], description=_l("The company named on it; it should be the one you pay.")
    )
    issued = StringField(_l("Issued on"), filters=[tidy], render_kw={"type": "date"})
    expires = StringField(
        _l("Last day it holds"),
        filters=[tidy],
        render_kw={"type": "date"},
        description=_l("Empty: it does not end."),
    )
    register = StringField(_l("Where to check it"), filters=[tidy])
    note = TextAreaField(_l("Note"), filters=[tidy], render_kw={"rows": 2})


class NeedForm(Form):
    """A paper an area asks for."""

    title = StringField(_l("Paper"), [v.InputRequired()], filters=[tidy])
    why = StringField(_l("Why it matters"), filters=[tidy])
    register = StringField(_l("Where to check it"), filters=[tidy])
    source = StringField(_l("Source"), filters=[tidy])
    as_of = StringField(_l("As of"), filters=[tidy], render_kw={"type": "date"})
    required = BooleanField(_l("Required for “passed”"))
    document = BooleanField(_l("A file is needed; a number alone will not do"))


def verdict_word(word: str) -> str:
    """A verdict in words."""
    words = {
        "": _("no verdict yet"), "passed": _("passed"), "conditions": _("passed with conditions"),
        "failed": _("did not pass"), "void": _("verdict fell"),
    }  # fmt: skip
    return words[word]


def verdict_badge(found: Dossier) -> Badge:
    """The verdict of a dossier as a label."""
    tones = {"": "plain", "passed": "good", "conditions": "warn", "failed": "bad", "void": "bad"}
    return Badge(tones[found.verdict.word], verdict_word(found.verdict.word))


def state_word(state: str) -> str:
    """The state of a paper in a word."""
    words = {
        "missing": _("missing"), "present": _("present"), "checked": _("checked"), "expiring": _("expiring"),
        "expired": _("expired"),
    }  # fmt: skip
    return words[state]


def state_badge(one: standing.Paper) -> Badge:
    """The state of a paper as a label."""
    tones = {"missing": "bad", "present": "info", "checked": "good", "expiring": "warn", "expired": "bad"}
    if one.state == "missing" and not one.need.required:
        return Badge("plain", _("not there"))
    return Badge(tones[one.state], state_word(one.state))


def states() -> dict[int, Badge]:
    """{account: its papers as a label}; accounts that reach nobody, or are asked for none, are left out."""
    found = {
        account[0]: Badge(badge.tone, _("papers: %(state)s", state=badge.words))
        for one in standing.every()
        for account in one.accounts
        for badge in (verdict_badge(one),)
    }
    for id_ in barring.barred(Cls.mass):
        found.setdefault(id_, Badge("bad", _("no papers")))
    return found


def table() -> list[dict[str, Any]]:
    """Every account with its dossier, for the list."""
    found = {account[0]: one for one in standing.every() for account in one.accounts}
    return [
        {
            "id": id_,
            "name": name,
            "provider": provider,
            "dossier": found.get(id_),
            "exempt": provider in barring.EXEMPT,
        }
        for id_, name, provider in database.query("SELECT id, name, provider FROM account ORDER BY name")
    ]


def area_word(area: str) -> str:
    """An area in words."""
    words = {
        "": _("Any country"),
        "CN": _("China"),
        "US": _("United States"),
        "EU": _("European Union"),
        "GB": _("United Kingdom"),
    }
    return words[area]


def general_only(found: Dossier) -> list[str]:
    """Countries whose own papers nobody listed yet."""
    return [code for code in found.countries if not needs.area_of(code)]


def unchecked(found: Dossier) -> list[standing.Paper]:
    """Required papers that hold, but nobody looked."""
    return [
        one
        for one in found.papers
        if one.asked and one.need.required and one.state in standing.HOLDS and not one.checked_at
    ]


def event_words(event: dict[str, Any]) -> str:
    """A line of the history."""
    what, detail = event["what"], event["detail"]
    file, company = detail.get("file", ""), detail.get("company", "")
    if what == "verdict":
        said = _("Verdict: %(word)s", word=verdict_word(detail["verdict"]))
        return f"{said} – {detail['note']}" if detail["note"] else said
    if what == "saved":
        pairs = (
            f"{field_word(name)} "
            + (f"“{old}” → “{new}”" if old and new else f"“{new}”" if new else f"“{old}” → –")
            for name, (old, new) in detail.items()
        )
        return _("Changed: %(changes)s", changes="; ".join(pairs))
    words = {
        "begun": _("Begun for %(company)s", company=company),
        "edited": _("Now %(company)s, %(countries)s", company=company, countries=" ".join(detail.get("countries", ()))),
        "joined": _("Stands for an account"), "left": _("Stands for an account no more"),
        "uploaded": _("File added: %(file)s", file=file), "removed": _("File taken back: %(file)s", file=file),
        "restored": _("File put back: %(file)s", file=file),
        "checked": _("Checked"), "unchecked": _("To be checked again"), "void": _("The verdict fell"),
    }  # fmt: skip
    return words[what]


def field_word(name: str) -> str:
    """What a value of a paper is called."""
    return str(getattr(PaperForm, name).args[0])


def html(data: dict[str, Any]) -> str:
    """The dossier as one page that prints by itself."""
    return evidencefile.render(
        "dossiers/sheet.html",
        data=data,
        area_word=area_word,
        verdict_word=verdict_word,
        state_word=state_word,
        event_words=event_words,
    )


def as_json(data: dict[str, Any]) -> str:
    """The same for programs."""
    return json.dumps(data, ensure_ascii=False, indent=1)
