"""The objects of the contract: what plugins give and what they get.

They are immutable and carry plain values only; those made once a message are named tuples, made in a
fifth of a dataclass's time.  Phone numbers are E.164 with `+`, times are aware
UTC datetimes, money is integer micro-units with an ISO 4217 currency, shares are 0..1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, ClassVar, NamedTuple

from wtforms import Form as WTForm

#: The classes of a message, in the order of their lanes: an otp never waits behind a mass text.
CLASSES = ("otp", "notice", "mass", "voice")


#: The one closed word of `Result.reason` and `Receipt.reason`: the provider refuses because this number opted
#: out there.  The number is suppressed and the opt-out written to the consent ledger.
OPTED_OUT = "opted_out"


class Form(WTForm):
    """Base of the settings form of a provider, segmenter, metric …; plain WTForms."""


# --- messages ---------------------------------------------------------------------------------------


class Outgoing(NamedTuple):
    """One message to put on the wire.

    `ref` is our client reference (ASCII, ≤ 32 characters, unique for ever); a repeated `ref` is the same
    message again, never another one.
    """

    ref: str
    to: str
    text: str
    sender: str = ""
    cls: str = "mass"
    encoding: str = "gsm7"
    parts: int = 1


class Result(NamedTuple):
    """What the provider said of one `Outgoing`, in the order of the call.

    `outcome`: "accepted" | "rejected" | "retry" | "unknown".  "retry" is a provider-declared, temporary
    refusal: proof that this message was not accepted.  "unknown" becomes `in_doubt`.
    `provider_id` is the provider's id of the message, `code` its own code, `reason` a sentence, or the word
    `OPTED_OUT` with "rejected".
    `parts` and `cost_micros` only when the provider reports them.
    """

    outcome: str
    provider_id: str | None = None
    code: str | None = None
    reason: str | None = None
    after_s: float | None = None
    parts: int | None = None
    cost_micros: int | None = None


class Receipt(NamedTuple):
    """One delivery receipt.  At least one of `ref` (ours) and `provider_id` is set.

    `state`: "accepted" (still on its way) | "delivered" | "undelivered" | "expired" | "rejected".
    `at` is when it happened, by the provider's word; None when it says nothing.  `reason` may be the word
    `OPTED_OUT` with "undelivered" or "rejected".
    """

    state: str
    ref: str | None = None
    provider_id: str | None = None
    at: datetime | None = None
    code: str | None = None
    reason: str | None = None
    parts: int | None = None


@dataclass(frozen=True, slots=True)
class Inbound:
    """One text from a person.  `id` is the provider's id and makes a repeated call harmless."""

    sender: str
    text: str
    to: str = ""
    id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A provider's HTTP call as raw as it came.  `url` is built from COOEE_PUBLIC_URL, never from Host.

    Header names are lower case.  `args` are the query's parameters, first value each.
    """

    kind: str
    method: str
    url: str
    headers: Mapping[str, str]
    args: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of `Provider.look_up`.  `known` is None when the provider cannot tell yet."""

    known: bool | None
    provider_id: str | None = None
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """`amount_micros` in `currency`, or `units` (parts left) where the provider counts parts."""

    amount_micros: int | None = None
    currency: str | None = None
    units: int | None = None


class Provider:
    """One way to send.  One instance per account and process, made with the account's settings.

    It touches no database and keeps no truth: it may be thrown away at any moment.  All methods are
    synchronous and are called from one thread at a time, but for `verify_webhook`, `parse_webhook` and
    `webhook_reply`, which only read, and for providers that override `open`: they hold one connection a
    process, for all its threads.  It raises only from `core.contract.errors`.

    >>> class Mine(Provider):
    ...     name, title = "mine", "My gateway"
    """

    #: Unique, lower case; what `cooee account add --provider` takes.
    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: One sentence for people who choose a provider.
    about: ClassVar[str] = ""
    #: Settings of an account.  Fields whose render_kw has secret=True are encrypted and never shown.
    Form: ClassVar[type[WTForm]] = Form
    channels: ClassVar[Sequence[str]] = ("sms",)
    #: Messages given to one `send` at most.
    batch_size: int = 100
    #: Messages marked per wire window unless the campaign says otherwise; None: 8, the careful default.
    window: int | None = None
    #: A repeated `ref` within this many seconds is not sent twice by the provider; None: never safe.
    idempotency_ttl_s: int | None = None
    #: The vendor's codes of a refusal that mean "this number opted out", as `OPTED_OUT` does.
    optout_codes: Sequence[str] = ()
    #: Receipts carry our `ref`.
    echoes_reference: bool = False
    #: `look_up` works, and its "no" is definitive `settle_s` after the submit.
    can_look_up: bool = False
    settle_s: int = 120
    #: `poll` works; called each `poll_every_s`.
    can_poll: bool = False
    poll_every_s: int = 30
    #: The provider calls our webhook.
    pushes: bool = False
    #: Kinds of webhook calls (last part of the path) that carry inbound texts: handled before the answer.
    inbound_kinds: Sequence[str] = ("inbound",)
    #: Whom the operator allows to call (`core.http.Rules`), set before `open`; for `core.http.Client`.
    outgoing: Any = None

    def __init__(self, settings: Mapping[str, Any], callback_url: str = ""):
        self.settings = settings
        #: Where the provider calls us for receipts: `/hooks/<account token>/receipt`.
        self.callback_url = callback_url

    def open(self, sink: ReceiptSink) -> None:
        """Connect, for providers that hold a connection.  Receipts and inbound texts go to `sink`."""

    def close(self) -> None:
        """Give back connections.  Called once, also after an error."""

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        """Put up to `batch_size` messages on the wire; results in the same order and number.

        Called by a worker with no transaction open.  Raise `ProviderError`s only; see errors.py for what
        each does to the whole batch.
        """
        raise NotImplementedError

    def verify_webhook(self, request: WebhookRequest) -> None:
        """Check signature or secret of raw bytes, before anything is parsed; raise `Forged` if it fails.

        The secret in the path (128 bits) has been checked already; override for vendors that sign.
        """

    def parse_webhook(self, request: WebhookRequest) -> Iterable[Receipt | Inbound]:
        """Turn a verified call into receipts and inbound texts.  Raise `BadResponse` for garbage."""
        raise NotImplementedError

    def webhook_reply(self, request: WebhookRequest) -> tuple[int, str, str]:
        """(status, content type, body) after the call was stored durably."""
        return 200, "text/plain", "ok"

    def poll(self, refs: Sequence[tuple[str, str | None]]) -> Iterable[Receipt]:
        """Ask for receipts of (our ref, provider id) pairs that have none yet.  At most 500 a call."""
        raise NotImplementedError

    def look_up(self, ref: str) -> Found:
        """Was this reference accepted?  Only when `can_look_up`."""
        raise NotImplementedError

    def balance(self) -> Balance | None:
        """What is left, or None when the provider does not tell."""
        return None


class ReceiptSink:
    """Where a provider with its own connection delivers receipts; returns after they are durable."""

    def put(self, items: Sequence[Receipt | Inbound]) -> None:
        raise NotImplementedError


# --- audience ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One contact field as segmenters and forms see it.

    `kind`: "text" | "choice" | "number" | "date" | "bool"; `column` is its column of `profile`;
    `choices` maps the text of a choice to its stored code.
    """

    key: str
    title: str
    kind: str
    column: str
    choices: Mapping[str, int] = field(default_factory=dict)


class SegmentContext:
    """What a segmenter may ask while it compiles: fields, labels, segments, the instant of evaluation.

    `now` stands still for one evaluation; a day begins in `zone`, the instance's.  `labels` maps a name to
    (id, bit in `profile.label_bits` or None), `event_types` a key to (id, title), `campaigns` the id of each
    launched campaign to its name, the latest first; `currency` is that of all amounts.  `few`: the statement
    asks about a few contacts, not about all.
    """

    now: datetime
    now_ms: int
    today: date
    zone: tzinfo
    fields: Mapping[str, FieldInfo]
    labels: Mapping[str, tuple[int, int | None]]
    event_types: Mapping[str, tuple[int, str]]
    campaigns: Mapping[int, str]
    currency: str
    few: bool

    def field(self, key: Any) -> FieldInfo:
        """The field of this key.  Raises `Refusal` that names the closest one."""
        raise NotImplementedError

    def label_id(self, name: str) -> int | None:
        """The id of a label, or None when no such label exists."""
        raise NotImplementedError

    def event_type(self, key: Any) -> tuple[int, str]:
        """(id, title) of a type of events.  Raises `Refusal` that names the closest one."""
        raise NotImplementedError


class Segmenter:
    """One kind of leaf in a segment rule: `{"segmenter": name, …params}`."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: The params as a form for the builder.
    Form: ClassVar[type[WTForm]] = Form

    def where(self, params: Mapping[str, Any], ctx: SegmentContext):
        """A peewee expression over `core.db.models.Profile` that composes with & | ~ and runs nothing.

        Raises `Refusal` with the field at fault when params make no sense.
        """
        raise NotImplementedError

    def describe(self, params: Mapping[str, Any], ctx: SegmentContext) -> str:
        """One line in plain words, translated, e.g. "City is Shanghai"."""
        raise NotImplementedError

    def explain(self, contact: Mapping[str, Any], params: Mapping[str, Any], ctx: SegmentContext) -> str:
        """What this contact has that decides it, e.g. "City is Hangzhou".  May read the database."""
        return ""


class NumberFacts(NamedTuple):
    """What is known of one number; empty where nobody knows.

    `country` is ISO 3166; `region` and `carrier` are names for people, in Chinese for +86, else in English.
    `line_type` is a name of `codes.LineType`; `zones` are the IANA time zones it may be in, best first.
    `alive`: does the number work now?  None: not known, which is all that a table of prefixes can say.
    """

    country: str = ""
    region: str = ""
    carrier: str = ""
    line_type: str = "unknown"
    zones: tuple[str, ...] = ()
    alive: bool | None = None


class NumberIntelligence:
    """Something that knows numbers: a table of prefixes, or a service that is asked.

    Called by a job for contacts nobody looked up yet, with no transaction open, so that it may use the
    network (`core.http`); the setting `number_source` names the one in use.  What it cannot find out about a
    number it leaves empty; it raises only from `core.contract.errors`, and the numbers of that call are asked
    for again by the next run.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: One sentence for people who choose one: where it knows from, what it costs.
    about: ClassVar[str] = ""
    #: Numbers given to one `facts` at most.
    batch_size: int = 5_000

    def facts(self, numbers: Sequence[str]) -> Sequence[NumberFacts]:
        """Facts of up to `batch_size` numbers in E.164, in the same order and number."""
        raise NotImplementedError


# --- content ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.  `level`: "block" | "warn" | "info" | "good".

    `span` is (start, end) in the draft's text; `fix` is (label, the whole text after the fix).
    """

    level: str
    code: str
    message: str
    span: tuple[int, int] | None = None
    fix: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A text with what a check may know about its surroundings.

    `sample` is the text merged with a sample contact; `fields` are the known merge names; `missing` maps a
    field used without default to how many of the audience lack it (None before an audience is chosen).
    """

    text: str
    cls: str = "mass"
    lang: str = "en"
    sample: str = ""
    fields: frozenset[str] = frozenset()
    missing: Mapping[str, int] = field(default_factory=dict)
    audience: int | None = None
    countries: frozenset[str] = frozenset()
    sender: str = ""


class ContentCheck:
    """Looks at a draft while someone types and again at launch; pure, under 50 ms, no network."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def check(self, draft: Draft) -> Iterable[Finding]:
        raise NotImplementedError


# --- measure ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """What a metric is asked about: a campaign (and variant), or a span of time.  None: not restricted."""

    campaign_id: int | None = None
    variant: int | None = None
    account_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A figure with what it is made of.  `value` is None when there is not enough data, never 0.

    `interval` is a 95 % interval (low, high) or None; `unit`: "share" | "count" | "micros";
    `detail` are named sub-figures, e.g. failures by reason; `note` a sentence such as "as of 14:32".
    """

    value: float | None
    numerator: int | float | None = None
    denominator: int | float | None = None
    interval: tuple[float, float] | None = None
    unit: str = "share"
    currency: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


class Metric:
    """A figure about a scope; read-only."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        """One or more named figures, e.g. {"delivered": …, "failed": …}."""
        raise NotImplementedError

    def series(self, scope: Scope) -> Sequence[tuple[datetime, float | None]]:
        """The main figure per hour or day of the scope; empty when it has no shape in time."""
        return ()


# --- rules ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hours:
    """Allowed hours of a weekday set: `days` 0 = Monday; local minutes of day [`start`, `end`)."""

    days: frozenset[int]
    start: int
    end: int


class Rule:
    """One rule of a rule pack.  Legal values are data with a version and the date they were read.

    `classes` it applies to; `countries` as ISO codes, empty for all.
    """

    id: ClassVar[str] = ""
    version: ClassVar[str] = ""
    as_of: ClassVar[str] = ""
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    countries: ClassVar[frozenset[str]] = frozenset()
    classes: ClassVar[frozenset[str]] = frozenset({"mass", "voice"})

    def hours(self) -> Sequence[Hours]:
        """When texts of these classes may be sent, in the recipient's local time; empty: always."""
        return ()

    def closed(self, day: date) -> bool:
        """True on local days without any text, such as public holidays; called once a day and zone."""
        return False


# --- show -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A menu entry of a plugin: `endpoint` of its blueprint, Bootstrap icon name, permission needed."""

    title: str
    endpoint: str
    icon: str = "puzzle"
    permission: str = "view"


@dataclass(frozen=True, slots=True)
class Panel:
    """A card a plugin shows on a core page.  `html` comes from the plugin's own template."""

    title: str
    template: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Periodic work of a plugin: `run(runtime)` each `every_s` seconds, on one worker at a time."""

    name: str
    every_s: int
    run: Any
