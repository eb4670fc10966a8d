"""What a dry run found, and how it is said and kept."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from core.contract.types import Finding
from core.db.models import Campaign
from core.sending import findings, monthly

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass
class Report:
    """Everything the last page shows.  audience = Σ excluded + holdout + messages.

    `parts_of` is {parts: messages}; `breakers` {character: people whose text it makes dear}; `missing`
    {field: people}; money in micro-units, `unpriced` messages have no price; `costs` is the cost by currency, each
    as if all went through accounts of that one, and `cost_micros` with `currency` the only one of them, else the
    largest number with ""; times in epoch ms; `waiting` people
    start later than the campaign because of hours, and `unreached` have no turn before its end at that pace (which is
    `assumed` where nobody names one); `read_in` are (variant,
    language, countries in which that text is read).
    """

    audience: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    holdout: int = 0
    messages: int = 0
    parts: int = 0
    parts_of: dict[int, int] = field(default_factory=dict)
    encodings: dict[str, int] = field(default_factory=dict)
    breakers: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    variants: dict[int, int] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)
    cost_micros: int = 0
    currency: str = ""
    costs: dict[str, int] = field(default_factory=dict)
    unpriced: int = 0
    budget_micros: int | None = None
    per_s: float = 0.0
    assumed: bool = False
    start_at: int = 0
    not_after: int | None = None
    finish_at: int | None = None
    spans: list[dict[str, Any]] = field(default_factory=list)
    waiting: int = 0
    unreached: int = 0
    in_windows: float | None = None
    rules: list[str] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    read_in: list[tuple[int, str, list[str]]] = field(default_factory=list)
    at: int = 0

    @property
    def blocks(self) -> bool:
        """Something keeps the campaign from being launched."""
        return any(finding["level"] == "block" for finding in self.findings)

    @property
    def wants_words(self) -> bool:
        """A finding asks for another text, not for other people, money or hours."""
        return any(
            finding["level"] in ("block", "warn") and not finding["code"].startswith(findings.NOT_OF_WORDS)
            for finding in self.findings
        )


def say(rt: Runtime, campaign: Campaign, made: Report) -> None:
    """Put the findings into the report, in the language in use, worst first."""
    found = findings.of_texts(
        rt, campaign, {(idx, lang): frozenset(countries) for idx, lang, countries in made.read_in},
        missing=made.missing, audience=made.messages + made.excluded.get("missing_field", 0),
    )  # fmt: skip
    codes = {finding.code for finding in found}
    found += [f for f in findings.of_counts(made) if f.code not in codes]
    found += monthly.of_cost(rt, made.cost_micros, made.currency)
    order = ("block", "warn", "info", "good")
    made.findings = [_plain(f) for f in sorted(found, key=lambda finding: order.index(finding.level))]


def dump(report: Report) -> str:
    """A report as JSON, for `load`."""
    return json.dumps(asdict(report), ensure_ascii=False)


def load(text: str) -> Report:
    """A report out of its JSON; JSON knows only texts as keys."""
    made = Report(**json.loads(text))
    made.parts_of = {int(k): n for k, n in made.parts_of.items()}
    made.read_in = [(idx, lang, countries) for idx, lang, countries in made.read_in]
    made.variants = {int(k): n for k, n in made.variants.items()}
    return made


def _plain(finding: Finding) -> dict[str, Any]:
    return {"level": finding.level, "code": finding.code, "message": str(finding.message)}
