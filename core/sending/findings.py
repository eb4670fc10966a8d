"""What stands in the way of a campaign: findings of the content checks and of the campaign itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from core.content import drafts as content
from core.contract.errors import Refusal
from core.contract.types import Finding
from core.db.codes import Cls
from core.db.models import Account, Campaign
from core.i18n import _, _n
from core.sending import accounts, breaker, drafts, pausing, route
from core.sending.dossiers import barring
from core.sending.routes import estimate

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Below this many kept aside, an effect of a usual size cannot be seen (docs/measurement.md).
SMALL_HOLDOUT = 500
#: How the codes begin of what no other text would mend.
NOT_OF_WORDS = ("audience.", "cost.", "end.", "holdout.", "hours.", "papers.", "provider.")


def of_texts(
    rt: Runtime,
    campaign: Campaign,
    countries: Mapping[tuple[int, str], frozenset[str]],
    *,
    missing: Mapping[str, int] | None = None,
    audience: int | None = None,
) -> list[Finding]:
    """What the content checks say of every text of a campaign; a sentence that holds for all stands once.

    `countries` maps (variant, language) to the countries in which that text is read; a text nobody reads is
    judged by its language alone.
    """
    account = Account.get_or_none(Account.id == campaign.account_id)
    sender = account.sender if account else ""
    found: dict[tuple[str, str, str], list[str]] = {}
    first: dict[tuple[str, str, str], Finding] = {}
    texts = [
        (idx, lang, body)
        for idx, langs in drafts.texts(campaign).items()
        for lang, (body, _v) in langs.items()
    ]
    templates = {arm.idx: arm.template_id for arm in drafts.variants(campaign.id)}
    through = [
        one.id for one in route.candidates(breaker.load(), campaign.account_id, campaign.cls) if one.enabled
    ]
    for idx, lang, body in texts:
        draft = content.draft(
            rt, body, Cls(campaign.cls).name, lang, sender=sender, missing=missing, audience=audience,
            countries=countries.get((idx, lang), frozenset()), template_id=templates.get(idx), accounts=through,
        )  # fmt: skip
        for finding in content.check(rt, draft):
            key = (finding.level, finding.code, finding.message)
            first.setdefault(key, finding)
            found.setdefault(key, []).append(f"{variant_name(idx)} · {lang}")
    return [
        Finding(
            f.level,
            f.code,
            f.message if len(found[key]) == len(texts) else f"{', '.join(found[key])}: {f.message}",
        )
        for key, f in first.items()
    ] + [*of_papers(campaign), *of_providers(rt, campaign), *of_money(campaign)]


def of_papers(campaign: Campaign) -> list[Finding]:
    """Accounts left out for want of papers; in the way when none is left."""
    barred = barring.barred(campaign.cls)
    every = [one for one in breaker.load() if one.enabled and campaign.account_id in (None, one.id)]
    level = "warn" if any(one.enabled for one in route.candidates(every, None, campaign.cls)) else "block"
    return [Finding(level, "papers.missing", barring.why_barred(one.id)) for one in every if one.id in barred]


def of_providers(rt: Runtime, campaign: Campaign) -> list[Finding]:
    """Accounts whose provider no plugin offers here; in the way when none is left."""
    every = [a for a in route.candidates(breaker.load(), campaign.account_id, campaign.cls) if a.enabled]
    lost = [account for account in every if account.provider not in rt.plugins.providers]
    level = "block" if len(lost) == len(every) else "warn"
    return [
        Finding(
            level, "provider.missing", pausing.tell(accounts.no_provider(rt, account.provider, account.name))
        )
        for account in lost
    ]


def of_money(campaign: Campaign) -> list[Finding]:
    """Accounts of the routes with prices in different currencies: a budget cannot hold over them."""
    found = [] if campaign.account_id else estimate.currencies(campaign.cls)
    if len(found) < 2:
        return []
    names = ", ".join(found)
    if campaign.budget_micros is None:
        sentence = _(
            "The accounts of the routes have prices in %(names)s; the cost is told for each.", names=names
        )
        return [Finding("info", "cost.currencies", sentence)]
    sentence = _(
        "The accounts of the routes have prices in %(names)s, and a budget holds in one currency; choose one account, "
        "or take the budget away.",
        names=names,
    )  # fmt: skip
    return [Finding("block", "cost.currencies", sentence)]


def variant_name(idx: int) -> str:
    """A, B, C … as people call the arms of a test."""
    return chr(ord("A") + idx) if idx < 26 else str(idx + 1)


def refuse_blocking(findings: Sequence[Finding]) -> None:
    """Raise `Refusal` (422) with the sentences of all findings that block."""
    sentences = [finding.message for finding in content.blocks(findings)]
    if sentences:
        raise Refusal(" ".join(sentences), field="text")


def nobody_in_time() -> str:
    """What is said of a campaign that ends before the first of its people may be texted."""
    return _(
        "Nobody can be texted: no allowed hour lies before the end. Choose a later end or an earlier start."
    )


def of_counts(report) -> list[Finding]:
    """What the figures of a dry run (`dryreport.Report`) say."""
    found, late = [], report.excluded.get("too_late", 0)
    if not report.audience:
        found.append(Finding("warn", "audience.empty", _("Nobody is in the audience.")))
    elif late and not report.messages:
        found.append(Finding("block", "end.nobody", nobody_in_time()))
    elif not report.messages:
        found.append(Finding("warn", "audience.nobody", _("Nobody in the audience may be texted.")))
    if late and report.messages:
        sentence = _n(
            "%(people)s person has no allowed hour before the end and gets no text.",
            "%(people)s people have no allowed hour before the end and get no text.",
            late,
            people=f"{late:,}",
        )
        found.append(Finding("warn", "end.late", sentence))
    if report.unreached:
        sentence = _n(
            "At this pace about %(people)s person has no turn before the end; choose a later end or a higher pace.",
            "At this pace about %(people)s people have no turn before the end; choose a later end or a higher pace.",
            report.unreached,
            people=f"{report.unreached:,}",
        )
        found.append(Finding("warn", "end.pace", sentence))
    for name, n in report.missing.items():
        sentence = _n(
            "%(people)s person has no %(name)s and gets no text; give the field a default.",
            "%(people)s people have no %(name)s and get no text; give the field a default.",
            n, name=name, people=f"{n:,}",
        )  # fmt: skip
        found.append(Finding("warn", "fields.missing", sentence))
    if report.unpriced:
        found.append(
            Finding(
                "info",
                "cost.unknown",
                _("The account has no price for every country, so the cost is not known."),
            )
        )
    if report.budget_micros is not None and report.cost_micros > report.budget_micros:
        sentence = _("The cost is above the campaign's budget; it will pause when the budget is used up.")
        found.append(Finding("warn", "cost.budget", sentence))
    if report.waiting:
        sentence = _n(
            "%(people)s person waits for the allowed hours of the country.",
            "%(people)s people wait for the allowed hours of their country.",
            report.waiting,
            people=f"{report.waiting:,}",
        )
        found.append(Finding("info", "hours.wait", sentence))
    if 0 < report.holdout < SMALL_HOLDOUT:
        sentence = _("Only %(n)s people are kept aside: too few to see a usual effect.", n=report.holdout)
        found.append(Finding("info", "holdout.small", sentence))
    return found
