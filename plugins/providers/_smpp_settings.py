"""Settings of the SMPP provider (smpp.py)."""

from __future__ import annotations

from wtforms import BooleanField, FloatField, IntegerField, SelectField, StringField
from wtforms import validators as v
from wtforms.fields.choices import SelectChoice

from core import Form
from core.i18n import _l


def _octet(label, default: int | None, description="") -> IntegerField:
    return IntegerField(
        label, [v.Optional(), v.NumberRange(0, 255)], default=default, description=description
    )


class Settings(Form):
    """What the carrier's welcome letter says, with the defaults most of them use."""

    host = StringField(_l("Host"), [v.InputRequired(), v.Length(max=250)])
    port = IntegerField(_l("Port"), [v.InputRequired(), v.NumberRange(1, 65_535)], default=2775)
    system_id = StringField(_l("System ID"), [v.Length(max=15)], default="")
    password = StringField(_l("Password"), [v.Length(max=64)], default="", render_kw={"secret": True})
    system_type = StringField(_l("System type"), [v.Length(max=12)], default="")
    tls = BooleanField(_l("TLS"), default=False, description=_l("The certificate is checked."))
    bind = SelectField(
        _l("Bind"),
        choices=[
            SelectChoice("transceiver", _l("transceiver")),
            SelectChoice("transmitter+receiver", _l("transmitter and receiver")),
        ],
        default="transceiver",
    )
    binds = IntegerField(
        _l("Connections of each worker"), [v.InputRequired(), v.NumberRange(1, 16)], default=1,
        description=_l("Transmitter and receiver count as one."),
    )  # fmt: skip
    window = IntegerField(
        _l("Unanswered texts on a connection"), [v.InputRequired(), v.NumberRange(1, 10_000)], default=50,
        description=_l("As many as the carrier allows; so many may be in doubt when a connection breaks."),
    )  # fmt: skip
    rate_per_s = FloatField(
        _l("Texts a second"), [v.Optional(), v.NumberRange(0, 1_000_000)], default=0,
        description=_l("Of each worker, counted in parts; 0: no limit here."),
    )  # fmt: skip
    source_addr = StringField(
        _l("Sender address"),
        [v.Length(max=20)],
        default="",
        description=_l("Used where the account has no sender."),
    )
    source_ton = _octet(_l("Sender TON"), None, _l("Empty: told from the sender."))
    source_npi = _octet(_l("Sender NPI"), None, _l("Empty: told from the sender."))
    dest_ton = _octet(_l("Recipient TON"), 1)
    dest_npi = _octet(_l("Recipient NPI"), 1)
    service_type = StringField(_l("Service type"), [v.Length(max=5)], default="")
    data_coding = SelectField(
        _l("Alphabet of plain texts"),
        choices=[
            SelectChoice("0", _l("GSM-7 (0)")),
            SelectChoice("1", _l("ASCII (1)")),
            SelectChoice("3", _l("Latin-1 (3)")),
            SelectChoice("8", _l("always UCS-2 (8)")),
        ],
        default="0",
        description=_l("Texts with other characters always go as UCS-2."),
    )
    long = SelectField(
        _l("Long texts"),
        choices=[
            SelectChoice("udh", _l("parts with a header (UDH)")),
            SelectChoice("sar", _l("parts with SAR parameters")),
            SelectChoice("payload", _l("whole, as message_payload")),
        ],
        default="udh",
    )
    msgid_base = SelectField(
        _l("Message ids"),
        choices=[
            SelectChoice("same", _l("alike in answers and receipts")),
            SelectChoice("hex_dec", _l("hexadecimal in answers, decimal in receipts")),
            SelectChoice("dec_hex", _l("decimal in answers, hexadecimal in receipts")),
        ],
        default="same",
    )
    receipts = SelectField(
        _l("Receipts"),
        choices=[
            SelectChoice("final", _l("of every text")),
            SelectChoice("failure", _l("of failures only")),
            SelectChoice("none", _l("none")),
        ],
        default="final",
    )
    validity_s = IntegerField(
        _l("Seconds the carrier tries to deliver"), [v.Optional(), v.NumberRange(0, 8_553_599)], default=0,
        description=_l("0: as long as the carrier likes."),
    )  # fmt: skip
    enquire_s = IntegerField(
        _l("Seconds of silence before we ask"), [v.InputRequired(), v.NumberRange(1, 3600)], default=30
    )
    response_s = IntegerField(
        _l("Seconds we wait for an answer"), [v.InputRequired(), v.NumberRange(1, 600)], default=30,
        description=_l("A text without an answer by then is in doubt."),
    )  # fmt: skip
    ref_tag = StringField(
        _l("Parameter with our reference"),
        [v.Optional(), v.Regexp(r"(0x)?[0-9A-Fa-f]{4}")],
        default="",
        description=_l(
            "A hexadecimal tag, e.g. 1403, only where the carrier gives it back in receipts; it settles doubts."
        ),
    )
