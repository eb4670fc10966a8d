"""Approved at the vendor?  Aliyun and Tencent Cloud send only texts that one of their approved templates is.

A campaign that goes through such an account is blocked until each of its texts is mapped to an approved
template with an approved signature (docs/china.md).  While someone writes it is a warning: the text may go
another way.  Facts come with the draft; this file puts them into words.
"""

from __future__ import annotations

from collections.abc import Iterator

from core import AtVendor, ContentCheck, Draft, Finding, hookimpl
from core.i18n import _


class VendorTexts(ContentCheck):
    name = "vendortext"
    title = "Vendor templates"

    def check(self, draft: Draft) -> Iterator[Finding]:
        if not draft.text.strip():
            return
        for one in draft.at_vendor:
            if one.problem:
                yield Finding(
                    "block" if one.chosen else "warn", f"vendortext.{one.problem}", _sentence(one, draft)
                )
            elif one.words:
                sentence = _(
                    "%(account)s will send its own words: %(words)s", account=one.account, words=one.words
                )
                yield Finding("warn", "vendortext.words", sentence)
            else:
                yield Finding("good", "vendortext.good", _("Approved at %(account)s.", account=one.account))


def _sentence(one: AtVendor, draft: Draft) -> str:
    account, said = one.account, one.said
    if one.problem == "unmapped":
        if said:
            return _(
                "%(account)s has these words as %(code)s: choose it under “At the vendor”.",
                account=account, code=said,
            )  # fmt: skip
        return _(
            "%(account)s sends approved templates only: say under “At the vendor” which one this text is.",
            account=account,
        )
    if one.problem == "pending":
        return _("%(account)s is still reviewing this text.", account=account)
    if one.problem == "rejected":
        return _("%(account)s refused this text: %(why)s", account=account, why=said or _("without a reason"))
    if one.problem == "paused":
        return _(
            "%(account)s has stopped this text: %(why)s", account=account, why=said or _("without a reason")
        )
    if one.problem == "gone":
        return _("Template %(code)s is no longer at %(account)s; choose another.", code=said, account=account)
    if one.problem == "signature":
        return _("The signature %(name)s is not approved at %(account)s.", name=said, account=account)
    if one.problem == "class":
        return _(
            "%(account)s approved this text as %(theirs)s, not as %(ours)s.",
            account=account, theirs=_kind(said), ours=_kind(draft.cls),
        )  # fmt: skip
    if one.problem == "country":
        return _(
            "The template at %(account)s is not for all countries of the audience (%(countries)s).",
            account=account, countries=said,
        )  # fmt: skip
    return _(
        "The variables of the template at %(account)s changed (%(names)s); map the text again.",
        account=account, names=said,
    )  # fmt: skip


def _kind(cls: str) -> str:
    return {"otp": _("one-time code"), "notice": _("notice"), "mass": _("marketing")}.get(cls, cls)


@hookimpl
def register_checks():
    return [VendorTexts]
