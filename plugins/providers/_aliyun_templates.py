"""Templates and signatures of Alibaba Cloud: listed, handed in for review, their variables' rules.

help.aliyun.com: QuerySmsTemplateList (419288), QuerySmsSignList, CreateSmsTemplate, variables (2806243); SDK
alibabacloud_dysmsapi20170525 4.6.0.  Read 2026-11-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from core import BadConfig, BadResponse, Refused, VendorSignature, VendorTemplate
from core.i18n import _
from plugins.providers._china import China

#: Rows a page of a list.
PAGE = 50
#: Characters of a one-time code.
OTP_VALUE = re.compile(r"[0-9A-Za-z]{4,6}")
REVIEW = {
    "AUDIT_STATE_INIT": "pending", "AUDIT_STATE_PASS": "approved", "AUDIT_STATE_NOT_PASS": "rejected",
    "AUDIT_STATE_CANCEL": "paused", "AUDIT_SATE_CANCEL": "paused",
}  # fmt: skip
#: `OuterTemplateType`, and `TemplateType` of CreateSmsTemplate.  3 is for numbers abroad.
KINDS = {0: "otp", 1: "notice", 2: "mass"}
ABROAD = 3


class AliyunTemplates(China):
    """What of Aliyun is about templates; `call` comes from its sending half."""

    VARIABLE = r"\$\{(\w+)\}"

    def call(self, action: str, query, form=None, endpoint: str = "", version: str = ""):
        """A signed request."""
        raise NotImplementedError

    def vendor_templates(self) -> Iterator[VendorTemplate]:
        for row in self._pages("QuerySmsTemplateList", "SmsTemplateList"):
            outer = row.get("OuterTemplateType")
            yield VendorTemplate(
                str(row["TemplateCode"]), str(row["TemplateContent"]), str(row.get("TemplateName") or ""),
                KINDS.get(outer, ""), *_review(row), outer == ABROAD,
            )  # fmt: skip

    def vendor_signatures(self) -> Iterator[VendorSignature]:
        for row in self._pages("QuerySmsSignList", "SmsSignList"):
            yield VendorSignature(str(row["SignName"]), *_review(row))

    def _pages(self, action: str, name: str) -> Iterator[dict]:
        for page in range(1, 200):
            data = self.ask(self.call(action, {"PageIndex": str(page), "PageSize": str(PAGE)}))
            if not isinstance(data, dict) or data.get("Code") != "OK":
                code, reason = self.fault(data)
                if self.kind(code) == "account":
                    raise BadConfig(f"{self.title} refuses this account ({code}): {self.plain(reason)}")
                raise BadResponse(self.plain(f"The list makes no sense ({code}): {reason}"))
            rows = [row for row in data.get(name) or () if isinstance(row, dict)]
            yield from rows
            if len(rows) < PAGE:
                return

    def submit_template(self, draft: VendorTemplate, signature: str, note: str) -> str:
        kind = next((number for number, name in KINDS.items() if name == draft.kind), 1)
        query = {
            "TemplateName": draft.name, "TemplateContent": draft.words, "TemplateType": str(kind),
            "RelatedSignName": signature, "Remark": note,
        }  # fmt: skip
        names = re.findall(self.VARIABLE, draft.words)
        if names:
            query["TemplateRule"] = json_text({name: _rule(draft.kind, name) for name in names})
        data = self.ask(self.call("CreateSmsTemplate", query))
        if not isinstance(data, dict) or data.get("Code") != "OK":
            code, reason = self.fault(data)
            raise Refused(self.plain(f"{reason or 'no sentence'} ({code})"))
        return str(data["TemplateCode"])

    def value_problem(self, kind: str, value: str) -> str:
        if kind == "otp":
            return "" if OTP_VALUE.fullmatch(value) else _("A code has 4 to 6 letters or digits there.")
        most = self.settings["variable_max"]
        if not value or len(value) > most:
            return _("A variable has 1 to %(n)s characters there.", n=most)
        return ""


# --- small parsers --------------------------------------------------------------------------------------


def json_text(value) -> str:
    """JSON as these APIs take it inside a parameter."""
    return orjson.dumps(value).decode()


def _review(row: dict) -> tuple[str, str]:
    """(state, reason) of a template or signature."""
    state = REVIEW.get(str(row.get("AuditStatus")), "pending")
    why = row.get("Reason") if state == "rejected" else None
    told = (why.get("RejectInfo"), why.get("RejectSubInfo")) if isinstance(why, dict) else (why,)
    return state, "; ".join(str(part) for part in told if part)


def _rule(kind: str, name: str) -> str:
    """What a variable is, for the reviewers; they correct it in the console."""
    if kind == "otp":
        return "numberCaptcha"
    return "name" if "name" in name or name.startswith("honorific") else "other_number2"
