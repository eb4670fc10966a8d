"""Approved templates for the tests of vendors that send nothing else."""

from __future__ import annotations

from core import Outgoing, VendorSignature, VendorTemplate, VendorText
from core.content.vendortexts import store
from core.sending import accounts

SHOP = "可乐店"
APPROVED = (VendorSignature(SHOP, "approved"),)


def said(message: Outgoing, code: str, name: str) -> Outgoing:
    """The message as a template whose one variable is all its words."""
    return message._replace(vendor=VendorText(code, SHOP, {name: message.text}))


def account_of(rt, provider: str, settings: dict, name: str = "vendor"):
    """An account of a vendor's."""
    given = {key: str(value) for key, value in settings.items()}
    return accounts.create(rt, name, provider, given, sender=SHOP)


def approve(rt, account, *templates: VendorTemplate, signatures=APPROVED) -> None:
    """What the vendor told of an account's templates and signatures."""
    store.keep(account.id, store.variable_of(rt, account), templates, signatures)
