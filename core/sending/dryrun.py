"""The dry run: what would happen to every single person, before anyone is texted.

It uses the SELECT that expansion uses, the lots that expansion draws and the merge that sending uses, so its
figures are those of the launch, as long as nobody's data changes in between.  Texts without fields are
multiplied, texts with fields are merged for everyone, in chunks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from core import clock
from core.content import languages, links, merge, parts, values
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import MARKETING, Cls
from core.db.models import Account, Campaign
from core.i18n import _
from core.sending import capped, drafts, dryreport, finishing, options, people, prices
from core.sending.dryreport import Report
from core.sending.links import wanted
from core.sending.routes import estimate
from core.sending.samples import Samples
from core.timing import hours, windows

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Contact ids a chunk when texts are merged.
CHUNK = 20_000


def run(rt: Runtime, campaign_id: int, progress: Callable[[int, int], None] | None = None) -> Report:
    """Work out the report; `progress(done, total)` is called after each chunk of contact ids.

    Writes nothing.  Raises `Refusal` for a draft without audience or text.
    """
    campaign = drafts.get(campaign_id)
    return _Run(rt, campaign, progress or (lambda done, total: None)).report()


class _Run:
    """One dry run; its steps fill one report."""

    def __init__(self, rt: Runtime, campaign: Campaign, progress: Callable[[int, int], None]):
        self.rt, self.campaign, self.progress = rt, campaign, progress
        self.cls = Cls(campaign.cls)
        self.chosen = options.read(campaign.options)
        self.now = clock.now_ms()
        self.start = people.starts(rt, campaign, max(campaign.send_at or 0, self.now))
        self.account = Account.get_or_none(Account.id == campaign.account_id)
        self.prices: list[prices.Prices | estimate.Dearest] = (
            [prices.Prices(campaign.account_id, self.cls, self.start.at)]
            if campaign.account_id
            else [
                estimate.Dearest(self.cls, self.start.at, currency)
                for currency in estimate.currencies(self.cls)
            ]
        )
        self.short_links = wanted(campaign)
        self.texts = self._compiled()
        self.made = Report(
            at=self.now,
            start_at=self.start.at,
            not_after=campaign.not_after,
            budget_micros=campaign.budget_micros,
        )
        self.samples = Samples()
        self.parts_by_country: Counter[str] = Counter()
        self.read_in: dict[tuple[int, str], frozenset[str]] = {}
        #: Texts of a script GSM-7 does not know have no cheaper form; nobody can act on their characters.
        self.foreign = {
            (idx, lang)
            for idx, (langs, _d) in self.texts.items()
            for lang, text in langs.items()
            if _foreign(text)
        }

    def _compiled(self) -> dict[int, tuple[dict[str, merge.Merge], str]]:
        default = drafts.default_langs(self.campaign.id)
        texts = drafts.texts(self.campaign)
        if not texts:
            raise Refusal(_("The campaign has no text yet; choose a template."), field="template")
        return {
            idx: (
                {lang: merge.compile(self._as_sent(body), lang) for lang, (body, _v) in langs.items()},
                default.get(idx, ""),
            )
            for idx, langs in texts.items()
        }

    def _as_sent(self, body: str) -> str:
        return links.as_sent(body, self.rt.settings, web=self.short_links)

    def report(self) -> Report:
        made = self.made
        self.inner, self.params = people.select_sql(self.rt, self.campaign, self.start)
        self.last = people.last_contact()
        self.capped = capped.sql(self.cls, self.start)
        dynamic = self._count()
        if dynamic:
            self._merge(dynamic)
        order = {reason: i for i, reason in enumerate(people.REASONS)}
        made.excluded = dict(sorted(made.excluded.items(), key=lambda pair: order.get(pair[0], len(order))))
        made.messages = sum(made.countries.values())
        made.audience = made.messages + made.holdout + sum(made.excluded.values())
        made.parts = sum(n * count for n, count in made.parts_of.items())
        self._price()
        self._time()
        made.samples = self.samples.chosen(self.rt, made.messages)
        made.breakers = dict(Counter(made.breakers).most_common(12))
        made.read_in = [(idx, lang, sorted(found)) for (idx, lang), found in sorted(self.read_in.items())]
        dryreport.say(self.rt, self.campaign, made)
        return made

    # --- who ------------------------------------------------------------------------------------------

    def _lang(self, variant: int, language: str) -> str:
        langs, default = self.texts[variant]
        return languages.pick_language(langs, language, default)

    def _count(self) -> set[tuple[int, str]]:
        """Everyone by reason, variant, language and country; returns the (variant, profile language) that
        must be merged person by person."""
        made, dynamic = self.made, set()
        kept = f"lot < {self.campaign.holdout_bp}" if self.campaign.holdout_bp else "FALSE"
        for why, aside, variant, language, country, over, n in database.query(
            f"SELECT why, CASE WHEN {kept} THEN 1 ELSE 0 END, variant, language, country, {self.capped} AS over_cap, "
            f"COUNT(*) FROM ({self.inner}) AS person GROUP BY 1, 2, 3, 4, 5, 6",
            [*self.params, -1, self.last],
        ):
            if why:
                made.excluded[why] = made.excluded.get(why, 0) + n
            elif aside:
                made.holdout += n
            else:
                lang = self._lang(variant, language)
                text = self.texts[variant][0][lang]
                self.read_in[variant, lang] = self.read_in.get((variant, lang), frozenset()) | {country}
                if not text.static:
                    dynamic.add((variant, language))
                elif over:
                    self._over(n)
                else:
                    self._add(variant, country, [text.text], n)
                    self.samples.static(text.text, variant, lang, country, n)
                    self._breakers((variant, lang), text.text, n)
        self.progress(0 if dynamic else self.last, self.last)
        return dynamic

    def _merge(self, dynamic: set[tuple[int, str]]) -> None:
        readers = {}
        kept = f"AND lot >= {self.campaign.holdout_bp}" if self.campaign.holdout_bp else ""
        for lo in range(0, self.last, CHUNK):
            hi = min(lo + CHUNK, self.last)
            groups: dict[tuple[int, str, str], list[int]] = {}
            enough: set[int] = set()
            for contact, variant, language, country, over in database.query(
                f"SELECT contact_id, variant, language, country, {self.capped} AS over_cap "
                f"FROM ({self.inner}) AS person WHERE why IS NULL {kept} ORDER BY contact_id",
                [*self.params, lo, hi],
            ):
                if (variant, language) in dynamic:
                    if over:
                        enough.add(contact)
                    groups.setdefault((variant, language, country), []).append(contact)
            for (variant, language, country), ids in groups.items():
                lang = self._lang(variant, language)
                text = self.texts[variant][0][lang]
                key = (variant, lang)
                if key not in readers:
                    readers[key] = values.Reader(self.rt, text.names, lang)
                merged = text.render_columns(readers[key](ids), len(ids))
                self._merged(variant, lang, country, ids, merged, enough)
            self.progress(hi, self.last)

    def _over(self, n: int) -> None:
        """The cap is asked last, as the message goes on the wire."""
        self.made.excluded["cap"] = self.made.excluded.get("cap", 0) + n

    def _merged(
        self, variant: int, lang: str, country: str, ids: list[int], merged: list, enough: set[int]
    ) -> None:
        made, good = self.made, []
        for contact, text in zip(ids, merged, strict=True):
            if isinstance(text, str):
                if contact in enough:
                    self._over(1)
                else:
                    good.append((contact, text))
                continue
            made.excluded[text.reason] = made.excluded.get(text.reason, 0) + 1
            if text.name:
                made.missing[text.name] = made.missing.get(text.name, 0) + 1
        if not good:
            return
        texts = [text for _contact, text in good]
        counted = self._add(variant, country, texts, 1)
        for text, (encoding, _parts) in zip(texts, counted, strict=True):
            if encoding == "ucs2":
                self._breakers((variant, lang), text, 1)
        self.samples.merged(good, [count for _encoding, count in counted], variant, lang, country)

    def _add(self, variant: int, country: str, texts: list[str], times: int) -> list[tuple[str, int]]:
        """Count texts, each `times`; returns encoding and parts of each."""
        made, n = self.made, len(texts) * times
        counted = parts.count_many(texts, country == "CN")
        for (encoding, count), seen in Counter(counted).items():
            made.parts_of[count] = made.parts_of.get(count, 0) + seen * times
            made.encodings[encoding] = made.encodings.get(encoding, 0) + seen * times
            self.parts_by_country[country] += count * seen * times
        made.variants[variant] = made.variants.get(variant, 0) + n
        made.countries[country] = made.countries.get(country, 0) + n
        return counted

    def _breakers(self, key: tuple[int, str], text: str, n: int) -> None:
        """Count the characters that alone keep a text out of GSM-7, once a person."""
        if key not in self.foreign:
            for char in {char for char, _at in parts.plan(text).breakers}:
                self.made.breakers[char] = self.made.breakers.get(char, 0) + n

    # --- what it costs and when -----------------------------------------------------------------------

    def _price(self) -> None:
        made = self.made
        for table in self.prices:
            currency = table.currency or prices.currency_of(self.campaign.account_id)
            made.costs[currency] = sum(table.micros(c) * n for c, n in self.parts_by_country.items())
        made.cost_micros = max(made.costs.values(), default=0)
        made.currency = next(iter(made.costs), "") if len(made.costs) < 2 else ""
        made.unpriced = sum(
            n for c, n in made.countries.items() if not any(table.micros(c) for table in self.prices)
        )

    def _time(self) -> None:
        made, rates = self.made, []
        rates = [rate for rate in (self.chosen.rate, self.account and self.account.rate_per_s) if rate]
        made.per_s, made.assumed = min(rates, default=finishing.ASSUMED_PER_S), not rates
        spans = finishing.plan(
            self.rt, self.cls, made.countries, self.start.at, made.per_s, quiet_hours=self.chosen.quiet_hours,
            end=made.not_after,
        )  # fmt: skip
        made.spans = [asdict(span) for span in spans]
        made.unreached = sum(span.left for span in spans if span.until is not None)
        if spans and all(span.until is not None for span in spans):
            made.finish_at = max(span.until for span in spans)
        late = {country for them in self.start.later.values() for country in them}
        made.waiting = sum(n for country, n in made.countries.items() if country in late)
        made.in_windows = self._in_windows(spans)
        if self.cls in MARKETING and self.chosen.quiet_hours:
            named = {rule.title for c in made.countries for rule in hours.rules(self.rt, self.cls, c)}
            made.rules = sorted(named)

    def _in_windows(self, spans: list[finishing.Span]) -> float | None:
        """Share of people texted in a recommended window of their country's first zone."""
        shares = []
        for span in spans:
            if span.until is not None:
                zone = windows.home(self.rt, span.country)
                seen = (span.since, max(span.until, span.since + 1))
                shares.append((span.n, windows.share_inside(zone, [seen])))
        total = sum(n for n, share in shares if share is not None)
        return sum(n * share for n, share in shares if share is not None) / total if total else None


def _foreign(text: merge.Merge) -> bool:
    plain = merge.map_static(text.text, str)
    return len(parts.plan(plain).breakers) * 4 > len(plain)
