"""Clicks of a scope: people who followed a link, and requests that were most likely no person."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core import clock
from core.content import links
from core.contract.types import MetricValue, Scope
from core.db import database
from core.db.codes import ClickKind, State
from core.i18n import _
from core.measure import counts, scoped, shares

#: Kinds that are a person.
_PEOPLE = (ClickKind.human, ClickKind.repeat)


@dataclass(frozen=True, slots=True)
class Followed:
    """`people` who followed a web link, of `reached`: those with a receipt, and those whose click is the only proof.

    `unproven` of them have no receipt; `delivered` have one, whether they clicked or not.
    """

    people: int
    delivered: int
    unproven: int

    @property
    def reached(self) -> int:
        """People the text certainly reached; never fewer than `people`."""
        return self.delivered + self.unproven


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """One link of a campaign: who `followed` it (None for opt-out and preferences), `clicks` of people, and
    `automatic` requests."""

    id: int
    idx: int
    kind: str
    url: str
    title: str
    followed: Followed | None
    clicks: int
    automatic: int

    @property
    def people(self) -> int | None:
        """Different people who followed it."""
        return self.followed.people if self.followed else None

    @property
    def share(self) -> MetricValue | None:
        """Those people of all it reached."""
        f = self.followed
        return shares.of_reached(f.people, f.delivered, f.unproven) if f else None


def followed(scope: Scope) -> Followed:
    """Who followed a web link of the scope.  Of a campaign only the texts that hold a link count."""
    found = people(scope)
    return Followed(found, _delivered(scope), found - people(scope, proven=True))


def people(scope: Scope, link_id: int | None = None, *, proven: bool = False) -> int:
    """Different people of the scope who followed a web link, or this one; one index range of `clicked` a campaign.

    `proven`: only those whose text has a receipt that it arrived, and so stand among the scope's delivered.
    """
    joins, parts, params = "", ["1 = 1"], []
    for column, value in (("k.campaign_id", scope.campaign_id), ("k.link_id", link_id)):
        if value is not None:
            parts.append(f"{column} = ?")
            params.append(value)
    if proven or scope.variant is not None or scope.account_id is not None:
        joins = "JOIN message m ON m.campaign_id = k.campaign_id AND m.contact_id = k.contact_id "
        condition, values = (scoped.counted if proven else scoped.messages)(scope)
        parts.append(f"{condition} AND m.state = {State.delivered.value}" if proven else condition)
        params += values
    if scope.since is not None:
        parts.append("k.last_at >= ?")
        params.append(clock.to_ms(scope.since))
    if scope.until is not None:
        parts.append("k.first_at < ?")
        params.append(clock.to_ms(scope.until))
    # A person counts once a campaign, as each message reaches them anew.
    return int(
        database.scalar(
            "SELECT COUNT(*) FROM (SELECT DISTINCT k.campaign_id, k.contact_id FROM clicked k "
            f"{joins}WHERE {' AND '.join(parts)}) AS someone",
            params,
        )
        or 0
    )


def _delivered(scope: Scope, number: int | None = None) -> int:
    """Delivered texts of the scope; of a campaign only those whose words hold a web link, or the one so numbered."""
    arms = None if scope.campaign_id is None else _arms(scope.campaign_id, number)
    if arms is None:
        return counts.read(scope).delivered
    asked = arms if scope.variant is None else arms & {scope.variant}
    return sum(counts.read(replace(scope, variant=idx)).delivered for idx in sorted(asked))


def _arms(campaign_id: int, number: int | None = None) -> set[int] | None:
    """Variants whose words hold a web link, or the one so numbered; None where no words were frozen."""
    bodies = database.query("SELECT idx, body FROM variant_text WHERE campaign_id = ?", (campaign_id,))
    web = [
        links.mark(idx)
        for (idx,) in database.query(
            "SELECT idx FROM link WHERE campaign_id = ? AND kind = 'web'", (campaign_id,)
        )
        if number in (None, idx)
    ]
    return {idx for idx, body in bodies if any(mark in body for mark in web)} if bodies else None


def automatic(campaign_id: int | None) -> int:
    """Judged requests for web links that were most likely no person; of all campaigns for None."""
    condition, params = ("AND c.campaign_id = ?", [campaign_id]) if campaign_id is not None else ("", [])
    return int(
        database.scalar(
            f"SELECT SUM(c.n) FROM click_count c JOIN link l ON l.id = c.link_id "
            f"WHERE l.kind = 'web' AND c.kind NOT IN ({database.in_list(len(_PEOPLE))}) {condition}",
            [*map(int, _PEOPLE), *params],
        )
        or 0
    )


def has_links(campaign_id: int, variant: int | None = None) -> bool:
    """Does the campaign have web links, in the words of this variant where told?"""
    arms = _arms(campaign_id)
    if arms is not None and variant is not None:
        return variant in arms
    return bool(
        database.scalar("SELECT 1 FROM link WHERE campaign_id = ? AND kind = 'web' LIMIT 1", (campaign_id,))
    )


def of_links(campaign_id: int) -> list[LinkFigures]:
    """The links of a campaign in their order, with what became of them."""
    counted: dict[tuple[int, bool], int] = {}
    for link_id, kind, n in database.query(
        "SELECT link_id, kind, n FROM click_count WHERE campaign_id = ?", (campaign_id,)
    ):
        key = (link_id, ClickKind(kind) in _PEOPLE)
        counted[key] = counted.get(key, 0) + int(n)
    titles = {"optout": _("Opt-out link"), "preferences": _("Preferences link")}
    return [
        LinkFigures(
            id_, idx, kind, url, label or titles.get(kind, kind), _of_link(campaign_id, id_, idx) if kind == "web" else None,
            counted.get((id_, True), 0), counted.get((id_, False), 0),
        )
        for id_, idx, kind, url, label in database.query(
            "SELECT id, idx, kind, url, label FROM link WHERE campaign_id = ? ORDER BY idx", (campaign_id,)
        )
        if kind == "web" or counted.get((id_, True)) or counted.get((id_, False))
    ]  # fmt: skip


def _of_link(campaign_id: int, link_id: int, number: int) -> Followed:
    scope = Scope(campaign_id=campaign_id)
    found = people(scope, link_id)
    return Followed(found, _delivered(scope, number), found - people(scope, link_id, proven=True))
