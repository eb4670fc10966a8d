"""What the pages of vendor templates show: one text beside what one account's vendor makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.content import drafts, merge
from core.content.vendortexts import match, standing, store
from core.contract.errors import CooeeError
from core.contract.types import Finding, Provider
from core.db import database
from core.db.codes import Cls
from core.db.models import Account, Template
from core.runtime import Runtime
from core.sending import accounts, vendorsync


@dataclass
class Pair:
    """One language of a template at one account.

    `there` is the vendor template that is chosen, mapped or proposed; `params` fill its variables; `ours` and
    `theirs` are the words as the made-up person reads them; `problems` are sentences of variables by name.
    """

    account: Account
    lang: str
    body: str
    mapping: store.Mapped | None = None
    findings: list[Finding] = field(default_factory=list)
    candidates: list[standing.Candidate] = field(default_factory=list)
    there: store.Template | None = None
    names: tuple[str, ...] = ()
    params: Mapping[str, str] = field(default_factory=dict)
    signature: str = ""
    signatures: list[store.Signature] = field(default_factory=list)
    ours: str = ""
    theirs: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    may_submit: bool = False
    trouble: str = ""
    error: str = ""
    looked_at: int = 0

    @property
    def key(self) -> str:
        """The card's id on the page."""
        return f"at-{self.account.id}-{self.lang}"


def pair(
    rt: Runtime, template: Template, lang: str, body: str, account: Account, *, code: str | None = None,
    typed: Mapping[str, str] | None = None,
) -> Pair:  # fmt: skip
    """One card.  `code` is a vendor template being looked at, `typed` what a refused form held."""
    cls = Cls(template.cls).name
    made = Pair(account, lang, body, store.mappings(template.id).get((lang, account.id)))
    made.looked_at = vendorsync.last(account.id)["at"]
    made.candidates = standing.candidates(rt, account, body)
    made.signatures = store.signatures(account.id)
    made.findings = _findings(rt, template, lang, body, cls, account)
    made.ours = drafts.preview(rt, body, lang, cls=cls).text
    wanted = code if code is not None else made.mapping.code if made.mapping else _likely(made)
    made.there = store.template(account.id, wanted) if wanted else None
    own = match.signed(body)[0]
    made.signature = own or standing.default_signature(account)
    if made.mapping and made.mapping.code == wanted:
        made.signature, made.params = made.mapping.signature, made.mapping.params
    if made.there is not None:
        words = match.cut(made.there.words, store.variable_of(rt, account))
        made.names = tuple(dict.fromkeys(words.names))
        made.params = made.params or match.propose(body, words) or _by_name(body, made.names)
    if typed is not None:
        made.params = {name: typed.get(f"p-{name}", "") for name in made.names}
        made.signature = typed.get("signature", "")
    _shown(rt, made)
    return made


def _likely(made: Pair) -> str:
    """The template to begin with: one with our words, else one that is much like them."""
    first = made.candidates[0] if made.candidates else None
    return first.template.code if first and (first.params is not None or first.likeness > 0.5) else ""


def _by_name(body: str, names: tuple[str, ...]) -> dict[str, str]:
    """Variables that have the name of one of our fields are that field."""
    used = set(merge.names_in(body))
    return {name: f"{{{{{name}}}}}" if name in used else "" for name in names}


def _findings(
    rt: Runtime, template: Template, lang: str, body: str, cls: str, account: Account
) -> list[Finding]:
    check = rt.plugins.checks.get("vendortext")
    if check is None:
        return []
    draft = drafts.draft(rt, body, cls, lang, template_id=template.id, accounts=[account.id])
    return list(check.check(draft))


def _shown(rt: Runtime, made: Pair) -> None:
    provider: Provider | None = None
    try:
        provider = accounts.open_provider(rt, made.account, connect=False)
        made.may_submit = provider.can_submit_templates
    except CooeeError as error:
        made.trouble = str(error)
    if made.there is None:
        return
    values: dict[str, str] = {}
    for name in made.names:
        values[name] = _merged(made.params.get(name, ""), made.lang)
        if (
            provider
            and made.params.get(name)
            and (why := provider.value_problem(made.there.kind, values[name]))
        ):
            made.problems[name] = why
    words = match.cut(made.there.words, store.variable_of(rt, made.account))
    blank = {name: value or f"〔{name}〕" for name, value in values.items()}
    made.theirs = match.as_sent(made.signature, words.fill(blank))


def _merged(text: str, lang: str) -> str:
    """A variable's text for the made-up person; as it is typed where it cannot be merged."""
    try:
        compiled = merge.compile(text, lang)
    except merge.BadText:
        return text
    merged = compiled.render(drafts.sample_values(compiled.names, lang))
    return merged if isinstance(merged, str) else ""


# --- one account --------------------------------------------------------------------------------------

#: States of the filter, in its order; rows shown at most.
STATES = ("approved", "pending", "rejected", "paused")
SHOWN = 300


def counts(account_id: int) -> dict[str, int]:
    """{state: templates}."""
    rows = database.query(
        "SELECT state, COUNT(*) FROM vendor_template WHERE account_id = ? GROUP BY state", (account_id,)
    )
    return dict(rows)


def uses(account_id: int) -> dict[str, list[tuple[int, str, str]]]:
    """{vendor code: (template of ours, name, language)} of what is mapped."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    for code, template_id, name, lang in database.query(
        "SELECT m.code, t.id, t.name, m.lang FROM vendor_mapping m JOIN template t ON t.id = m.template_id "
        "WHERE m.account_id = ? ORDER BY t.name, m.lang",
        (account_id,),
    ):
        found.setdefault(code, []).append((template_id, name, lang))
    return found


def title(rt: Runtime, account: Account) -> str:
    """The vendor's name."""
    return str(rt.plugins.providers[account.provider].title)
