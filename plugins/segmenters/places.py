"""`place`: where the contact is, goes, or has the number from.

    {"segmenter": "place", "lat": 31.23, "lon": 121.47, "km": 10, "within_days": 90}
    {"segmenter": "place", "region": "广东"}        {"segmenter": "place", "city": ["上海", "杭州"]}

source: visits (events of the type `visit` with `lat` and `lon`, or with the city as `place`) · address (the
contact fields lat and lon, city, region or province) · number (the region libphonenumber knows, which tells
where a number was first given out) · any of these, the default.  A region or city of a number is found by a
part of its name; a span counts for visits.
"""

from functools import reduce
from operator import or_

from peewee import Column
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments import amounts, deeds, props, spans
from core.audience.segments.context import check_names
from core.audience.segments.logic import NOBODY, among
from core.audience.segments.ops import compare, read_param
from core.audience.segments.words import clauses, listed, shown
from core.contract.errors import Refusal
from core.db import geo
from core.db import text as sql_text
from core.db.codes import EventType
from core.db.database import is_postgres
from core.db.models import Event, NumberInfo, Profile
from core.i18n import _, _l

SOURCES = {
    "any": _l("visits, address or phone number"),
    "visits": _l("visits"),
    "address": _l("address"),
    "number": _l("phone number"),
}
#: what is asked → the contact fields that answer
_FIELDS = {"region": ("region", "province"), "city": ("city",)}
_MOST_KM = 20_000


class PlaceForm(spans.SpanForm):
    """A circle, a region or a city; where the knowledge comes from."""

    structural = ("by", "when")

    by = SelectField(_l("Place"), validate_choice=False)
    lat = StringField(_l("Latitude"), render_kw={"inputmode": "decimal", "placeholder": _l("latitude")})
    lon = StringField(_l("Longitude"), render_kw={"inputmode": "decimal", "placeholder": _l("longitude")})
    km = StringField(
        _l("Radius"), description=_l("km"), render_kw={"inputmode": "decimal", "placeholder": "10"}
    )
    region = StringField(_l("Region"), render_kw={"placeholder": _l("one, two, three")})
    city = StringField(_l("City"), render_kw={"placeholder": _l("one, two, three")})
    source = SelectField(_l("Known from"), validate_choice=False)

    def bind(self, ctx):
        super().bind(ctx)
        kinds = {"circle": _("near a point"), "region": _("in a region"), "city": _("in a city")}
        if self.by.data not in kinds:
            self.by.data = next((key for key in ("region", "city") if self[key].data), "circle")
        self.by.choices = [SelectChoice(*pair) for pair in kinds.items()]
        self.source.choices = [SelectChoice(key, str(words)) for key, words in SOURCES.items()]
        for key in ("lat", "lon", "km", "region", "city"):
            if key != self.by.data and (key in _FIELDS or self.by.data != "circle"):
                del self[key]
            elif key in _FIELDS and isinstance(self[key].data, list):
                self[key].data = _(", ").join(map(str, self[key].data))

    def params(self):
        made = super().params()
        made.pop("by", None)
        for key in _FIELDS:
            if key in made:
                made[key] = amounts.split(made[key])
        return made

    @classmethod
    def menu(cls, ctx):
        return [
            (_("Near a point"), {"km": 10}),
            (_("In a region"), {"region": []}),
            (_("In a city"), {"city": []}),
        ]


class Place(Segmenter):
    """Where contacts are."""

    name = "place"
    title = "Place"
    Form = PlaceForm

    def where(self, params, ctx):
        """Raises `Refusal` for points that are none on earth, unknown sources and spans."""
        kind, wanted = _read(params)
        source, span = _source(params), spans.read(params, ctx)
        found = []
        if source in ("any", "visits"):
            found.append(deeds.at_least(EventType.visit, 1, span, ctx, _visit(kind, wanted)))
        if source in ("any", "address"):
            found += _address(kind, wanted, ctx)
        if source in ("any", "number") and kind != "circle":
            named = reduce(or_, (sql_text.contains(NumberInfo.region, name) for name in wanted))
            found.append(among(NumberInfo, named, ctx))
        return reduce(or_, found) if found else NOBODY

    def describe(self, params, ctx):
        kind, wanted = _read(params)
        if kind == "circle":
            lat, lon, km = map(shown, wanted)
            said = _("Within %(km)s km of %(lat)s, %(lon)s", km=km, lat=lat, lon=lon)
        else:
            said = (_("In the region %(names)s") if kind == "region" else _("In the city %(names)s")) % {
                "names": listed(wanted)
            }
        source = _source(params)
        parts = [
            _("by %(source)s", source=SOURCES[source]) if source != "any" else "",
            spans.read(params, ctx).words,
        ]
        more = clauses(parts)
        return _("%(label)s (%(more)s)", label=said, more=more) if more else said

    def explain(self, contact, params, ctx):
        kind, wanted = _read(params)
        if kind != "circle":
            keys = [key for key in _FIELDS[kind] if key in ctx.fields]
            row = NumberInfo.get_or_none(NumberInfo.contact_id == contact["id"])
            names = [contact["fields"].get(key) for key in keys] + [row.region if row else None]
            names = [str(name) for name in names if name]
            return (
                _("Known places: %(names)s", names=_(", ").join(names)) if names else _("No place is known")
            )
        lat, lon, _km = wanted
        visit = (Event.contact_id == contact["id"]) & (Event.type == EventType.visit)
        at = [props.number(Event.props, key) for key in ("lat", "lon")]
        visits = Event.select(*at).where(visit & spans.read(params, ctx).holds(Event.at)).tuples()
        points = [tuple(contact["fields"].get(key) for key in ("lat", "lon")), *visits]
        known = [geo.kilometres(*point, lat, lon) for point in points if None not in point]
        if not known:
            return _("No place is known")
        return _("The closest known place is %(km)s km away", km=shown(round(min(known), 1)))


def _visit(kind, wanted):
    if kind == "circle":
        lat, lon = (props.number(Event.props, key) for key in ("lat", "lon"))
        return geo.near(lat, lon, *wanted, is_postgres())
    return reduce(or_, (props.equals(Event.props, "place", name) for name in wanted))


def _address(kind, wanted, ctx) -> list:
    if kind == "circle":
        infos = [ctx.fields.get(key) for key in ("lat", "lon")]
        if any(info is None or info.kind != "number" for info in infos):
            return []
        columns = [Column(Profile._meta.table, info.column) for info in infos]
        return [geo.near(*columns, *wanted, is_postgres())]
    infos = [ctx.fields[key] for key in _FIELDS[kind] if key in ctx.fields]
    return [
        compare(Column(Profile._meta.table, i.column), i.kind, "in", wanted, ctx, i.title, i.choices)
        for i in infos
        if i.kind in ("choice", "text")
    ]


def _read(params):
    """("circle", (lat, lon, km)) or ("region" or "city", names)."""
    check_names(params, "lat", "lon", "km", *_FIELDS, "source", *spans.KEYS)
    given = [key for key in ("lat", "region", "city") if params.get(key) not in (None, "", [])]
    if len(given) != 1:
        raise Refusal(_("A place is lat, lon and km, or a region, or a city."), field="lat")
    if given[0] != "lat":
        return given[0], [
            read_param("text", "eq", name, given[0]) for name in amounts.split(params[given[0]])
        ]
    limits = {"lat": (-90, 90), "lon": (-180, 180), "km": (0, _MOST_KM)}
    return "circle", tuple(_degrees(params, key, *limit) for key, limit in limits.items())


def _degrees(params, key: str, low: int, high: int) -> float:
    value = read_param("number", "eq", params.get(key), key)
    if not low <= value <= high:
        raise Refusal(
            _(
                "%(field)s is %(value)s; it lies from %(low)s to %(high)s.",
                field=key,
                value=value,
                low=low,
                high=high,
            ),
            field=key,
        )
    return value


def _source(params) -> str:
    source = params.get("source") or "any"
    if not isinstance(source, str) or source not in SOURCES:
        raise Refusal(
            _("source is %(value)s; it is one of %(known)s.", value=repr(source), known=", ".join(SOURCES)),
            field="source",
        )
    return source


@hookimpl
def register_segmenters():
    return [Place]
