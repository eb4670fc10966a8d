"""Why a message was not sent or did not arrive, in words, and what to do about it."""

from __future__ import annotations

from core.i18n import _
from core.sending import pausing
from core.web.format import num


def word(reason: str) -> str:
    """A reason for people; a provider's own code stays as it is (core.web.kindwords has the words for these)."""
    return _known().get(reason, reason)


def ours(reason: str) -> bool:
    """Is it a word of ours, not a code of a vendor?"""
    return reason in _known()


def _known() -> dict[str, str]:
    return {
        "": _("The provider gave no reason"),
        "undelivered": _("The provider gave no reason"),
        "rejected": _("The provider gave no reason"),
        "…": _("Other reasons"),
        "landline": _("Landline"),
        "invalid_number": _("Number is not valid"),
        "suppressed": _("On the list never to text"),
        "no_consent": _("Without consent"),
        "topic": _("Does not want this topic"),
        "cap": _("Had enough of this class lately"),
        "price": _("A part costs more than this class may"),
        "opted_out": _("Opted out at the provider"),
        "outside_hours": _("No allowed hour"),
        "too_late": _("No allowed hour before the end"),
        "expired": _("Too late"),
        "budget": _("Budget used up"),
        "campaign_cancelled": _("Campaign cancelled"),
        "missing_field": _("A field of the text is empty"),
        "missing_text": _("No text"),
        "too_long": _("Text too long"),
        "vendor_template": _("No approved template has these words"),
        "vendor_value": _("A value the vendor's template does not take"),
        "held": _("Held by a plugin"),
        "erased": _("Contact was erased"),
        "no_route": _("Every account refused the route"),
        "worker_died": _("A worker stopped while it sent"),
        "no_answer": _("The provider gave no answer"),
        "no_more_tries": _("Declined too often"),
        "assumed_sent": _("Taken as sent"),
        "voided": _("Code void, a new one was asked for"),
        "ask": _("Waits for your word"),
        "not_sent": _("Not sent, by your word"),
        "Ambiguous": _("No answer said whether it was taken"),
        "BadResponse": _("The answer made no sense"),
        "provider_error": _("The provider plugin failed"),
        # What the simulator says; real gateways have codes of their own.
        "absent": _("Phone off or out of reach"),
        "ttl": _("Validity period over"),
        "blocked": _("Blocked by the carrier"),
        "refused": _("Refused by the provider"),
    }


def advice(reason: str, state: str) -> str:
    """What a person can do about a reason or a kind of codes, one sentence; "" where nothing needs doing."""
    known = {
        "number": _("Nothing: the number is marked and not texted again."),
        "optout": _("Nothing: the number is on the list never to text."),
        "blocked": _("Nothing: who blocks a second time is not texted again."),
        "handset": _("The phone could not be reached; numbers that fail again are best left out."),
        "content": _("Change the words, or ask the provider why they were refused."),
        "route": _("Choose an account or a sender that may text this country."),
        "account": _("Look at the account: its credentials, its balance, its permissions."),
        "limit": _("Texts of later days may arrive; ask the provider for a higher limit."),
        "landline": _("Nothing: fixed lines cannot take texts."),
        "no_consent": _("Ask for consent first; importing a list does not create it."),
        "missing_field": _("Give the field a default in the template, or fill it in."),
        "too_long": _("Shorten the text or the values it uses."),
        "vendor_template": _("Use the words of an approved template, or another account."),
        "vendor_value": _("Shorten the value, or put it into the fixed words of the vendor's template."),
        "no_more_tries": _("Look at the provider's limits, then copy the campaign for these people."),
        "outside_hours": _("Choose an earlier start, or a later end."),
        "too_late": _("Choose an earlier start, or a later end."),
        "never": _("It never left, as its time was over: choose an earlier start, or a later end."),
    }
    if reason in known:
        return known[reason]
    if reason == "other" and state == "undelivered":
        return _("The provider's documentation explains the code.")
    return {
        "rejected": _("The provider refused it; its documentation explains the code."),
        "undelivered": _("The phone could not be reached; numbers that fail again are best left out."),
        "expired": _("It was not delivered in time; phones that were off are the usual cause."),
        "in_doubt": _("It may have arrived; a receipt or a look-up settles it."),
    }.get(state, "")


def log_word(what: str) -> str:
    """A line of the campaign log in words."""
    known = {
        "created": _("made the draft"),
        "edited": _("changed it"),
        "approval_asked": _("asked for approval"),
        "approved": _("approved it"),
        "declined": _("declined it"),
        "scheduled": _("scheduled it"),
        "launched": _("launched it"),
        "running": _("Everyone is prepared; sending starts"),
        "paused": _("paused it"),
        "resumed": _("resumed it"),
        "cancelled": _("cancelled it"),
        "stopped": _("Messages that will not be sent"),
        "budget": _("changed the budget"),
        "done": _("Everything is sent"),
        "doubt.sent": _("settled doubts: they were sent"),
        "doubt.not_sent": _("settled doubts: they were not sent"),
        "doubt.resend": _("settled doubts: they are sent again"),
    }
    return known.get(what, what)


def log_detail(what: str, detail: str) -> str:
    """What stands below a line of the campaign log: the fields that were changed, how many, why."""
    fields = {
        "name": _("name"), "segment_id": _("segment"), "holdout_bp": _("people kept aside"), "templates": _("texts"),
        "account_id": _("account"), "at": _("start"), "not_after": _("end"), "budget_micros": _("budget"),
        "options": _("speed and hours"),
    }  # fmt: skip
    if what == "edited":
        return ", ".join(fields.get(name, name) for name in detail.split(", "))
    if what == "approved":
        return _("as it was checked then (%(mark)s)", mark=detail)
    if what == "paused":
        return pausing.tell(detail)
    if what in ("launched", "scheduled") and detail.isdecimal():
        return _("%(n)s who may be texted, with those kept aside", n=num(int(detail)))
    return num(int(detail)) if detail.isdecimal() else detail
