"""Templates and signatures of Tencent Cloud: listed, handed in for review, their variables' rules.

DescribeSmsTemplateList, DescribeSmsSignList, AddSmsTemplate: SDK tencentcloud_sdk_python_sms 3.1.153 and
cloud.tencent.com/document/product/382 (variables: 39023).  Read 2026-11-22.
"""

from __future__ import annotations

from collections.abc import Iterator

from core import BadConfig, BadResponse, Refused, Throttled, VendorSignature, VendorTemplate
from core.i18n import _
from plugins.providers._china import China

#: Rows a page of a list.
PAGE = 100
#: `StatusCode` of templates and signatures: 2 is approved but not in force yet.
REVIEW = {0: "approved", 1: "pending", 2: "pending", -1: "rejected"}
#: `SmsType` of AddSmsTemplate.
KINDS = {"mass": 1, "notice": 2, "otp": 3}


class TencentTemplates(China):
    """What of Tencent Cloud is about templates; `call` comes from its sending half."""

    VARIABLE = r"\{(\d+)\}"

    def call(self, action: str, body: dict):
        """A signed request."""
        raise NotImplementedError

    def asked(self, action: str, body: dict) -> dict:
        """The `Response` of a call that sends nothing.  Raises `BadConfig`, `Throttled` or `BadResponse`."""
        data = self.ask(self.call(action, body))
        code, reason = self.fault(data)
        if code.startswith("RequestLimitExceeded"):
            raise Throttled(self.plain(reason or code))
        if self.kind(code) == "account":
            raise BadConfig(f"{self.title} refuses this account ({code}): {self.plain(reason)}")
        if code or not isinstance(data, dict) or not isinstance(data.get("Response"), dict):
            raise BadResponse(self.plain(f"{action} gave no answer ({code}): {reason}"))
        return data["Response"]

    def vendor_templates(self) -> Iterator[VendorTemplate]:
        for abroad in (0, 1):
            for row in self._pages("DescribeSmsTemplateList", "DescribeTemplateStatusSet", abroad):
                yield VendorTemplate(
                    str(row["TemplateId"]), str(row["TemplateContent"]), str(row.get("TemplateName") or ""), "",
                    *_review(row), row.get("International") == 1,
                )  # fmt: skip

    def vendor_signatures(self) -> Iterator[VendorSignature]:
        for abroad in (0, 1):
            for row in self._pages("DescribeSmsSignList", "DescribeSignListStatusSet", abroad):
                yield VendorSignature(str(row["SignName"]), *_review(row))

    def _pages(self, action: str, name: str, abroad: int) -> Iterator[dict]:
        for page in range(100):
            body = {"International": abroad, "Limit": PAGE, "Offset": page * PAGE}
            rows = [row for row in self.asked(action, body).get(name) or () if isinstance(row, dict)]
            yield from rows
            if len(rows) < PAGE:
                return

    def submit_template(self, draft: VendorTemplate, signature: str, note: str) -> str:
        body = {
            "TemplateName": draft.name, "TemplateContent": draft.words, "SmsType": KINDS.get(draft.kind, 2),
            "International": int(draft.abroad), "Remark": note,
        }  # fmt: skip
        data = self.ask(self.call("AddSmsTemplate", body))
        code, reason = self.fault(data)
        if code:
            raise Refused(self.plain(f"{reason} ({code})"))
        return str(data["Response"]["AddTemplateStatus"]["TemplateId"])

    def variable(self, number: int, name: str) -> str:
        return f"{{{number}}}"

    def value_problem(self, kind: str, value: str) -> str:
        most = self.settings["variable_max"]
        if "://" in value or "www." in value.lower():
            return _("A variable holds no link there; put the link into the fixed words.")
        if kind == "otp" and not (value.isdecimal() and value.isascii() and len(value) <= 6):
            return _("A code has up to 6 digits there.")
        if not value or len(value) > most:
            return _("A variable has 1 to %(n)s characters there.", n=most)
        return ""


def _review(row: dict) -> tuple[str, str]:
    """(state, reason) of a template or signature."""
    state = REVIEW.get(row.get("StatusCode"), "pending")
    return state, str(row.get("ReviewReply") or "") if state == "rejected" else ""
