"""Links of a campaign: targets frozen at launch, short links made for a batch of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from core import clock
from core.content import links
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import Campaign
from core.i18n import _
from core.sending import options
from core.sending.links.tokens import Tokens

if TYPE_CHECKING:
    from core.runtime import Runtime

_LABEL_MAX = 60

Texts = Mapping[int, Mapping[str, tuple[str, int]]]


def wanted(campaign: Campaign) -> bool:
    """Do addresses in the texts of this campaign become short links?"""
    return Cls(campaign.cls).name != links.UNTOUCHED and options.read(campaign.options).links


def freeze(rt: Runtime, campaign: Campaign, texts: Texts, start: int) -> dict[tuple[int, str], str]:
    """Store the links of a launch and return {(variant, language): words with marks for them}.

    Inside the launch's transaction.  `start` is when the campaign may begin (epoch ms).  The same address
    in several texts is one link.  Raises `Refusal` for an address nobody should be sent to, or too many.
    """
    found: dict[str, int] = {}
    service: set[str] = set()

    def put(url: str) -> str:
        return links.mark(found.setdefault(links.checked(url), len(found)))

    marked = {}
    short = wanted(campaign)
    for idx, langs in sorted(texts.items()):
        for lang, (body, _version) in sorted(langs.items()):
            marked[idx, lang] = links.replaced(body, put) if short else body
            service.update(links.service_names(body))
    if len(found) > links.WEB_MAX:
        raise Refusal(
            _("The texts have %(n)s different links; a campaign may have %(max)s.",
              n=len(found), max=links.WEB_MAX),
            field="text",
        )  # fmt: skip
    now = clock.now_ms()
    until = start + rt.settings.link_days * clock.DAY_MS
    rows = [(campaign.id, n, "web", url, _label(url), until, now) for url, n in found.items()]
    for name in sorted(service):
        number, kind = links.SERVICE[name]
        rows.append((campaign.id, number, kind, "", "", None, now))
    database.execute("DELETE FROM link WHERE campaign_id = ?", (campaign.id,))
    if rows:
        database.executemany(
            "INSERT INTO link (campaign_id, idx, kind, url, label, expires_at, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    return marked


def _label(url: str) -> str:
    return url.split("://", 1)[1].rstrip("/")[:_LABEL_MAX]


class Maker:
    """Makes the short links of messages; kept by a worker from batch to batch."""

    def __init__(self, rt: Runtime):
        self._base = links.base(rt.settings)
        self._tokens = Tokens(rt.keys)

    def columns(self, names: Sequence[str], message_ids: Sequence[int]) -> dict[str, list[str]]:
        """{merge name: short links in the order of the messages} for names that are links."""
        base = self._base
        made = {}
        for name in names:
            idx = links.number_of(name)
            if idx is not None:
                made[name] = [base + code for code in self._tokens.many(message_ids, idx)]
        return made
