"""A way to send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from wtforms import Form as WTForm

from core.contract.errors import BadConfig
from core.contract.kinds import KINDS
from core.contract.types.form import Form
from core.contract.types.messages import (
    OPTED_OUT,
    Balance,
    Found,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    WebhookRequest,
)
from core.contract.types.vendor import VendorSignature, VendorTemplate


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
    #: Where it stands among the providers to choose from: "world", "china", "own" (a gateway or phone of one's
    #: own) or "other".
    group: ClassVar[str] = "other"
    #: Settings of an account.  Fields whose render_kw has secret=True are encrypted and never shown.
    Form: ClassVar[type[WTForm]] = Form
    channels: ClassVar[Sequence[str]] = ("sms",)
    #: Messages given to one `send` at most.
    batch_size: int = 100
    #: Messages marked per wire window unless the campaign says otherwise; None: 8, the careful default.
    window: int | None = None
    #: Calls of `send` at a time, from several threads; more than 1 only for a provider that holds one connection
    #: for all threads (`open`) and keeps many messages unanswered on it.  A window is then split into so many
    #: parts and one more; together they are still one window.
    flights: int = 1
    #: A repeated `ref` within this many seconds is not sent twice by the provider; None: never safe.
    idempotency_ttl_s: int | None = None
    #: What the vendor's codes of refusals and failures mean: code → one of `core.contract.kinds.KINDS`.  People
    #: may change it for an account; what stands then is `errors`.
    ERRORS: ClassVar[Mapping[str, str]] = {}
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
    #: `poll` needs the number of each message: it gets (our ref, provider id, number, submitted at).
    polls_by_number: bool = False
    #: `poll` may give inbound texts, too; it is called without refs when no message waits for a receipt.
    polls_inbound: bool = False
    #: The vendor sends approved templates only: `Outgoing.vendor` is filled for it, and a text that no approved
    #: template has the words of does not reach it.  `vendor_templates` and `vendor_signatures` tell them.
    needs_templates: bool = False
    #: How the vendor writes a variable: an expression with the variable's name as its one group.
    VARIABLE: ClassVar[str] = r"\$\{(\w+)\}"
    #: `submit_template` works.
    can_submit_templates: bool = False
    #: The provider calls our webhook.
    pushes: bool = False
    #: Kinds of webhook calls (last part of the path) that carry inbound texts: handled before the answer.
    inbound_kinds: Sequence[str] = ("inbound",)
    #: ISO currency of the account's prices, "" while it has none; set before `open`.
    currency: str = ""
    #: Whom the operator allows to call (`core.http.Rules`), set before `open`; for `core.http.Client`.
    outgoing: Any = None

    def __init__(self, settings: Mapping[str, Any], callback_url: str = ""):
        self.settings = settings
        #: Where the provider calls us for receipts: `/hooks/<account token>/receipt`.
        self.callback_url = callback_url
        #: `ERRORS` with what people changed for the account.
        self.errors: Mapping[str, str] = dict(self.ERRORS)

    def kind(self, code: Any) -> str:
        """What a code of the vendor means; "other" when nobody knows."""
        return self.errors.get(str(code), "other")

    def priced(self, micros: int | None, currency: str | None) -> int | None:
        """A price the vendor tells, as `Result` and `Receipt` carry it: None in another currency than that of
        the account's prices, because sums over both would mean nothing.  The price table's figure stands then."""
        return micros if currency and currency.upper() == self.currency else None

    def refusal(self, code: Any, reason: str = "", *, after_s: float | None = None) -> Result:
        """The result of a submit the vendor refused with a code, by what that means.

        Raises `BadConfig` for a code of the kind "account": nothing goes until a person acted.
        """
        name = self.kind(code)
        kind = KINDS[name]
        if name == "account":
            raise BadConfig(f"{self.title} refuses this account ({code}): {reason}")
        if name == "optout":
            reason = OPTED_OUT
        return Result(kind.outcome, code=str(code)[:60], reason=reason[:200], after_s=after_s or kind.after_s)

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

    def poll(self, refs: Sequence[tuple]) -> Iterable[Receipt | Inbound]:
        """Ask for receipts of (our ref, provider id) pairs that have none yet.  At most 500 a call."""
        raise NotImplementedError

    def look_up(self, ref: str) -> Found:
        """Was this reference accepted?  Only when `can_look_up`."""
        raise NotImplementedError

    def balance(self) -> Balance | None:
        """What is left, or None when the provider does not tell."""
        return None

    # --- templates the vendor approves (only with `needs_templates`) --------------------------------------

    def vendor_templates(self) -> Iterable[VendorTemplate]:
        """All templates of the account, whatever their state.  Called by a job and by a person's button."""
        raise NotImplementedError

    def vendor_signatures(self) -> Iterable[VendorSignature]:
        """All signatures of the account, whatever their state."""
        raise NotImplementedError

    def submit_template(self, draft: VendorTemplate, signature: str, note: str) -> str:
        """Ask the vendor to approve words; returns the code it gave.  `note` tells its reviewers what for.

        Raises `Refused` with the vendor's sentence when it takes them not even for review.
        """
        raise NotImplementedError

    def variable(self, number: int, name: str) -> str:
        """How the vendor writes a variable: the `number`th of its words (from 1), filled by our `name`."""
        return f"${{{name}}}"

    def value_problem(self, kind: str, value: str) -> str:
        """Why a variable of a template of this kind cannot be `value`, one sentence; "" when it can."""
        return ""


class ReceiptSink:
    """Where a provider with its own connection delivers receipts; returns after they are durable."""

    def put(self, items: Sequence[Receipt | Inbound]) -> None:
        raise NotImplementedError
