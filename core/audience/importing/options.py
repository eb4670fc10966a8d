"""What a person decided about an import, as it is stored with the batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from core.audience import consent
from core.audience.importing.plan import Plan
from core.contract.errors import Refusal
from core.i18n import _


@dataclass(frozen=True)
class Rules:
    """How rows are taken.

    With a consent column each row's yes or no is recorded for class `cls`; without one, `consent_all`
    records an opt-in for every row.  `source` and `wording` go into the ledger as evidence.
    `labels` are names put on every contact of the file.
    """

    cls: str = "mass"
    consent_all: bool = False
    source: str = ""
    wording: str = ""
    labels: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Options:
    """A plan and its rules; JSON in `import_batch.options`."""

    plan: Plan
    rules: Rules

    def text(self) -> str:
        """As stored."""
        return json.dumps(
            {"plan": self.plan.as_dict(), "rules": asdict(self.rules)}, ensure_ascii=False, sort_keys=True
        )

    @classmethod
    def parse(cls, text: str) -> Options:
        """As read back."""
        data: dict[str, Any] = json.loads(text)
        return cls(
            Plan.from_dict(data["plan"]), Rules(**{**data["rules"], "labels": tuple(data["rules"]["labels"])})
        )


def rules(
    plan: Plan,
    *,
    cls: str = "",
    source: str = "",
    wording: str = "",
    labels: Sequence[str] = (),
    file_name: str = "",
) -> Rules:
    """Rules from what a command or form gives; `cls` "" means: only what a consent column says.

    Raises `Refusal` for an unknown class.
    """
    has_column = plan.index_of("consent") is not None
    if cls:
        consent.parse_class(cls)
    if source and not cls and not has_column:
        raise Refusal(
            _("A source of consent needs a class: add --consent mass, or map a consent column."),
            field="consent",
        )
    return Rules(
        cls=cls or "mass",
        consent_all=bool(cls) and not has_column,
        source=source.strip() or f"import: {file_name}",
        wording=wording.strip(),
        labels=tuple(dict.fromkeys(label.strip() for label in labels if label.strip())),
    )
