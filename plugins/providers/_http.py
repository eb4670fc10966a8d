"""Settings of the HTTP gateway provider (http.py)."""

from __future__ import annotations

import json
import re

from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms import validators as v

from core import Form
from core.contract import payloads
from core.i18n import _, _l

NAMES = ("to", "text", "sender", "ref", "callback", "secret")
BODY = '{"to": "{to}", "text": "{text}", "sender": "{sender}", "ref": "{ref}", "callback": "{callback}"}'

SECRET = {"secret": True}


class Settings(Form):
    """Paths are dotted, e.g. `data.messages.0.id`; with `a|b` the first that is there counts."""

    url = StringField(
        _l("URL"), [v.InputRequired()], description=_l("May hold the placeholders of the body.")
    )
    method = SelectField(_l("Method"), choices=["POST", "PUT", "GET"], default="POST")
    headers = TextAreaField(
        _l("Headers"),
        default="",
        render_kw=SECRET,
        description=_l("One a line, e.g. Authorization: Bearer …"),
    )
    body = TextAreaField(
        _l("Body"),
        default=BODY,
        description=_l(
            "JSON, or a form such as to={to}&text={text}. "
            "Placeholders: {to} {text} {sender} {ref} {callback} {secret}"
        ),
    )
    secret = StringField(
        _l("Secret"), default="", render_kw=SECRET, description=_l("What {secret} stands for.")
    )
    id_path = StringField(_l("Path of the message id"), default="")
    status_path = StringField(_l("Path of the status"), default="")
    ref_path = StringField(_l("Path of our reference in a receipt"), default="")
    code_path = StringField(_l("Path of the error code in a receipt"), default="")
    status_map = TextAreaField(
        _l("Status words"),
        default="",
        description=_l("One a line, e.g. DELIVRD=delivered; they come before the usual words."),
    )
    optout_codes = StringField(
        _l("Error codes that mean the person opted out"),
        default="",
        description=_l("With commas, e.g. 21610; such a number is suppressed and the ledger says so."),
    )
    batch = IntegerField(_l("Texts in one call at most"), [v.NumberRange(1, 1000)], default=100)
    concurrency = IntegerField(_l("Requests at the same time"), [v.NumberRange(1, 500)], default=50)
    idempotency_ttl_s = IntegerField(
        _l("Seconds in which a repeated {ref} is not sent twice"),
        [v.NumberRange(0)],
        default=0,
        description=_l("0: the gateway would send it twice."),
    )
    lookup_url = StringField(
        _l("Look-up URL"),
        default="",
        description=_l("Answers 404 when it does not know {ref}; settles doubts."),
    )
    webhook_secret = StringField(
        _l("Webhook secret"), default="", render_kw=SECRET, description=_l("HMAC-SHA256 of the body, in hex.")
    )
    webhook_header = StringField(_l("Webhook signature header"), default="X-Signature")
    from_path = StringField(_l("Path of the sender of an inbound text"), default="from|sender|msisdn|mobile")
    text_path = StringField(_l("Path of the words of an inbound text"), default="text|message|body|content")

    def validate_url(self, field):
        """The host stands still: placeholders only after it."""
        if not re.match(r"https?://[^/{}\s@]+(/|$|\?)", field.data):
            raise v.ValidationError(
                _("%(url)s is no URL such as https://gateway.example/send.", url=repr(field.data))
            )

    def validate_body(self, field):
        """Placeholders are known, and JSON is JSON."""
        unknown = set(re.findall(r"\{([a-z_]+)\}", field.data)) - set(NAMES)
        if unknown:
            known = " ".join(f"{{{name}}}" for name in NAMES)
            raise v.ValidationError(
                _("%(name)s is none of %(known)s.", name=f"{{{min(unknown)}}}", known=known)
            )
        if is_json(field.data):
            try:
                json.loads(field.data)
            except ValueError as error:
                raise v.ValidationError(_("The body is no valid JSON: %(why)s.", why=str(error))) from None

    def validate_status_map(self, field):
        """WORD=state, one a line."""
        for word, state in payloads.status_lines(field.data):
            if state not in set(payloads.STATUS_WORDS.values()):
                raise v.ValidationError(
                    _("%(line)s: that is no state such as delivered or rejected.", line=f"{word}={state}")
                )


def is_json(body: str) -> bool:
    """Does the body start like JSON?  Else it is a form."""
    return body.lstrip()[:1] in ("{", "[")
