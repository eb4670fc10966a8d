"""Clicks of a scope: people who followed a link, and requests that were most likely no person."""

from __future__ import annotations

from dataclasses import dataclass

from core import clock
from core.contract.types import Scope
from core.db import database
from core.db.codes import ClickKind
from core.i18n import _

#: Kinds that are a person.
_PEOPLE = (ClickKind.human, ClickKind.repeat)


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """One link of a campaign: `people` who followed it (None for opt-out and preferences), `clicks` of people,
    and `automatic` requests."""

    id: int
    idx: int
    kind: str
    url: str
    title: str
    people: int | None
    clicks: int
    automatic: int


def people(scope: Scope) -> int:
    """Different people of the scope who followed a web link; one index range of `clicked` a campaign."""
    joins, parts, params = "", ["1 = 1"], []
    if scope.campaign_id is not None:
        parts.append("k.campaign_id = ?")
        params.append(scope.campaign_id)
    if scope.variant is not None or scope.account_id is not None:
        joins = "JOIN message m ON m.campaign_id = k.campaign_id AND m.contact_id = k.contact_id "
        for column, value in (("m.variant", scope.variant), ("m.account_id", scope.account_id)):
            if value is not None:
                parts.append(f"{column} = ?")
                params.append(value)
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


def has_links(campaign_id: int) -> bool:
    """Does the campaign have web links?"""
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
    reached = dict(
        database.query(
            "SELECT link_id, COUNT(*) FROM clicked WHERE campaign_id = ? GROUP BY link_id", (campaign_id,)
        )
    )
    titles = {"optout": _("Opt-out link"), "preferences": _("Preferences link")}
    return [
        LinkFigures(
            id_, idx, kind, url, label or titles.get(kind, kind), int(reached.get(id_, 0)) if kind == "web" else None,
            counted.get((id_, True), 0), counted.get((id_, False), 0),
        )
        for id_, idx, kind, url, label in database.query(
            "SELECT id, idx, kind, url, label FROM link WHERE campaign_id = ? ORDER BY idx", (campaign_id,)
        )
        if kind == "web" or counted.get((id_, True)) or counted.get((id_, False))
    ]  # fmt: skip
