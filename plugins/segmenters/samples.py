"""`sample`: a stable random share of everyone.

    {"segmenter": "sample", "percent": 10, "seed": "spring"}
    {"segmenter": "sample", "percent": 10, "seed": "spring", "skip": 10}

The same people each time for the same seed, and independent of those of another seed.  `skip` leaves out the
first so many percent, so that samples of one seed share nobody: 0 to 10, 10 to 20 and so on.  The lot is that of
holdouts and variants (`core.sending.draw`): hundredths of a percent.
"""

from wtforms import StringField

from core import Segmenter, hookimpl
from core.audience.segments.context import check_names
from core.audience.segments.leafform import LeafForm
from core.audience.segments.logic import modulo
from core.audience.segments.ops import read_param
from core.audience.segments.words import shown
from core.contract.errors import Refusal
from core.db.models import Profile
from core.i18n import _, _l
from core.sending import draw


class SampleForm(LeafForm):
    """Share, seed, where it begins."""

    percent = StringField(_l("Share"), description="%", render_kw={"inputmode": "decimal"})
    seed = StringField(_l("Seed"), render_kw={"placeholder": _l("seed: any word")})
    skip = StringField(_l("Skip"), description=_l("% skipped before"), render_kw={"inputmode": "decimal"})

    @classmethod
    def menu(cls, ctx):
        return [(_("A random share"), {"percent": 10})]


class Sample(Segmenter):
    """A random share."""

    name = "sample"
    title = "Random share"
    Form = SampleForm

    def where(self, params, ctx):
        """Raises `Refusal` for a share that is none."""
        low, high, seed = _read(params)
        a0, a1, a2, a3 = draw.coefficients(0, f"sample:{seed}")
        x = Profile.contact_id.cast("BIGINT")
        lot = modulo(modulo(x * a3 + a2, draw.P) * x + a1, draw.P)
        lot = modulo(lot * x + a0, draw.P) * draw.SCALE / draw.P
        return (lot >= low) & (lot < high)

    def describe(self, params, ctx):
        low, high, seed = _read(params)
        if low:
            return _(
                "A random %(p)s %% of everyone, after the first %(skip)s %% (seed “%(seed)s”)",
                p=shown((high - low) / 100),
                skip=shown(low / 100),
                seed=seed,
            )
        return _("A random %(p)s %% of everyone (seed “%(seed)s”)", p=shown((high - low) / 100), seed=seed)

    def explain(self, contact, params, ctx):
        lot = draw.draw(0, f"sample:{_read(params)[2]}", contact["id"])
        return _("The lot is %(lot)s of 100", lot=shown(lot / 100))


def _read(params) -> tuple[int, int, str]:
    """(first lot, first lot beyond, seed)."""
    check_names(params, "percent", "seed", "skip")
    share, skip = (_percent(params, key) for key in ("percent", "skip"))
    seed = params.get("seed")
    if isinstance(seed, bool | list) or not isinstance(seed, str | int | float | None):
        raise Refusal(_("seed is %(value)s; it takes a word or a number.", value=repr(seed)), field="seed")
    if share == 0:
        raise Refusal(_("A share of nothing is nobody; percent begins at 0.01."), field="percent")
    if skip + share > draw.SCALE:
        raise Refusal(_("percent and skip together are more than 100."), field="skip")
    return skip, skip + share, "" if seed is None else str(seed)


def _percent(params, key: str) -> int:
    value = params.get(key)
    if key == "skip" and value in (None, ""):
        return 0
    number = read_param("number", "eq", value, key)
    if not 0 <= number <= 100:
        raise Refusal(
            _("%(field)s is %(value)s; it takes 0 to 100.", field=key, value=shown(number)), field=key
        )
    return round(number * 100)


@hookimpl
def register_segmenters():
    return [Sample]
