"""What goes to a provider and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

#: The classes of a message, in the order of their lanes: an otp never waits behind a mass text.
CLASSES = ("otp", "notice", "mass", "voice")

#: The one closed word of `Result.reason` and `Receipt.reason`: the provider refuses because this number opted
#: out there.  The number is suppressed and the opt-out written to the consent ledger.
OPTED_OUT = "opted_out"


class VendorText(NamedTuple):
    """A message as an approved template of the vendor: its code, the signature, and the variables' values."""

    template: str
    signature: str = ""
    params: Mapping[str, str] = {}


class Outgoing(NamedTuple):
    """One message to put on the wire.

    `ref` is our client reference (ASCII, ≤ 32 characters, unique for ever); a repeated `ref` is the same
    message again, never another one.  `lang` is the language of the words where it is known (a voice call
    reads them in it); `vendor` names the approved template for vendors that send nothing else.
    """

    ref: str
    to: str
    text: str
    sender: str = ""
    cls: str = "mass"
    encoding: str = "gsm7"
    parts: int = 1
    lang: str = ""
    vendor: VendorText | None = None


class Result(NamedTuple):
    """What the provider said of one `Outgoing`, in the order of the call.

    `outcome`: "accepted" | "rejected" | "retry" | "unknown".  "retry" is a provider-declared, temporary
    refusal: proof that this message was not accepted.  "unknown" becomes `in_doubt`.
    `provider_id` is the provider's id of the message, or of each of its parts with spaces between, when receipts
    name parts; `code` its own code, `reason` a sentence, or the word
    `OPTED_OUT` with "rejected".
    `parts` and `cost_micros` only when the provider reports them; money in the currency of the account's prices
    (`Provider.priced`).
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
    `OPTED_OUT` with "undelivered" or "rejected".  `cost_micros` is what the text costs by the provider's word, in
    the currency of the account's prices (`Provider.priced`); of a receipt for one part of several, the part.
    """

    state: str
    ref: str | None = None
    provider_id: str | None = None
    at: datetime | None = None
    code: str | None = None
    reason: str | None = None
    parts: int | None = None
    cost_micros: int | None = None


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

    Header names are lower case.  `args` are the query's parameters, first value each.  `remote` is the address
    that calls, behind the proxies the operator named; "" where it is not known any more (`parse_webhook`).
    """

    kind: str
    method: str
    url: str
    headers: Mapping[str, str]
    args: Mapping[str, str]
    body: bytes
    remote: str = ""


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
