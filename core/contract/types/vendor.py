"""Templates and signatures as a vendor keeps them: what it approved, refused or still looks at."""

from __future__ import annotations

from typing import NamedTuple

#: What a vendor says of a template or signature.  Only what is approved may be sent.
REVIEWS = ("pending", "approved", "rejected", "paused")


class VendorTemplate(NamedTuple):
    """One template at the vendor.

    `words` hold the vendor's own variables (`Provider.VARIABLE`) and no signature; `kind` is the class the
    vendor approved it for ("otp" | "notice" | "mass", "" when it does not tell); `state` is one of `REVIEWS`;
    `reason` is why it was refused, in the vendor's words; `abroad` says that it is for numbers outside China.
    """

    code: str
    words: str
    name: str = ""
    kind: str = ""
    state: str = "pending"
    reason: str = ""
    abroad: bool = False


class VendorSignature(NamedTuple):
    """One signature at the vendor, without brackets."""

    name: str
    state: str = "pending"
    reason: str = ""


class AtVendor(NamedTuple):
    """How a text stands with one account whose vendor sends approved templates only.

    `problem` is "" when it may go, else one word: "unmapped" (nobody said which template it is), "gone" (the
    template is no longer there), a state of `REVIEWS` that is not "approved", "signature", "class", "country"
    or "value"; `said` is what the vendor or the rule says of it.  `words` are what the vendor would send, where
    those differ from the text.  `chosen`: the campaign goes through this account.
    """

    account: str
    problem: str = ""
    said: str = ""
    words: str = ""
    chosen: bool = False
