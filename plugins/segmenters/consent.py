"""`consent`: what the contact agreed to, folded from the ledger.

    {"segmenter": "consent", "class": "mass", "state": "yes"}

"yes" is an opt-in not taken back, "no" an opt-out, "unknown" neither.  Being on the suppression list is
another question: see `contact`.
"""

from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments.context import check_names
from core.audience.segments.leafform import LeafForm
from core.contract.errors import Refusal
from core.contract.types import CLASSES
from core.db.codes import Cls
from core.db.models import Profile
from core.i18n import _, _l

STATES = ("yes", "no", "unknown")
#: state → (words of the builder, sentence, reason)
_WORDS = {
    "yes": ("given", "Consent to %(cls)s is given", "Consent to %(cls)s is given"),
    "no": ("refused", "Opted out of %(cls)s", "Opted out of %(cls)s"),
    "unknown": ("never asked or answered", "Consent to %(cls)s is unknown", "Consent to %(cls)s is unknown"),
}
#: What the classes are called in a sentence.
CLASS_WORDS = {
    "otp": "one-time codes",
    "notice": "notices",
    "mass": "marketing texts",
    "voice": "marketing calls",
}


class ConsentForm(LeafForm):
    """Class and state.  `class` is a word of Python, so the field is `cls`."""

    cls = SelectField(_l("Class"), validate_choice=False)
    state = SelectField(_l("Consent"), validate_choice=False)

    def bind(self, ctx):
        self.cls.choices = [SelectChoice(name, _(CLASS_WORDS[name])) for name in reversed(CLASSES)]
        self.state.choices = [SelectChoice(state, _(_WORDS[state][0])) for state in STATES]

    def params(self):
        return {"class": self.cls.data or "mass", "state": self.state.data or "yes"}

    @classmethod
    def menu(cls, ctx):
        return [
            (_("Marketing texts: given"), {"class": "mass", "state": "yes"}),
            (_("Marketing texts: refused"), {"class": "mass", "state": "no"}),
            (_("Marketing texts: unknown"), {"class": "mass", "state": "unknown"}),
        ]


class Consent(Segmenter):
    """Consent by class."""

    name = "consent"
    title = "Consent"
    Form = ConsentForm

    def where(self, params, ctx):
        """Raises `Refusal` for an unknown class or state."""
        cls, state = _read(params)
        yes = Profile.consent_bits.bin_and(cls.bit) != 0
        no = Profile.optout_bits.bin_and(cls.bit) != 0
        if state == "yes":
            return yes & ~no
        return no if state == "no" else ~yes & ~no

    def describe(self, params, ctx):
        cls, state = _read(params)
        return _(_WORDS[state][1], cls=_(CLASS_WORDS[cls.name]))

    def explain(self, contact, params, ctx):
        cls, _state = _read(params)
        state = (
            "no"
            if contact["optout_bits"] & cls.bit
            else "yes"
            if contact["consent_bits"] & cls.bit
            else "unknown"
        )
        return _(_WORDS[state][2], cls=_(CLASS_WORDS[cls.name]))


def _read(params) -> tuple[Cls, str]:
    check_names(params, "class", "state")
    name, state = params.get("class", "mass"), params.get("state", "yes")
    if name not in CLASSES:
        raise Refusal(
            _(
                "There is no class %(name)s; the classes are %(known)s.",
                name=repr(name),
                known=", ".join(CLASSES),
            ),
            field="class",
        )
    if isinstance(state, bool):
        state = "yes" if state else "no"
    if state not in STATES:
        raise Refusal(
            _("Consent state %(state)s is not one of %(known)s.", state=repr(state), known=", ".join(STATES)),
            field="state",
        )
    return Cls[name], state


@hookimpl
def register_segmenters():
    return [Consent]
