"""Pictures of an overlap, drawn on the server: circles for two or three segments, a matrix for four.

Circles are of one size and say how many in figures; areas true to scale do not exist for three in general.
"""

from __future__ import annotations

from datetime import UTC, datetime

from babel import dates
from markupsafe import Markup, escape

from core import clock
from core.audience.segments.overlap import Overlap, Region
from core.i18n import _, language
from core.web.format import locale, num

#: Number of segments → size of the picture, circles (x, y) of radius 92, their names (x, y), and where the
#: figure of each region stands, by mask.
_RADIUS = 92
_VENN = {
    2: (
        (440, 240),
        ((166, 138), (274, 138)),
        ((120, 26, "middle"), (320, 26, "middle")),
        {1: (120, 142), 2: (320, 142), 3: (220, 142)},
    ),
    3: (
        (440, 340),
        ((166, 138), (274, 138), (220, 228)),
        ((110, 26, "middle"), (330, 26, "middle"), (220, 336, "middle")),
        {
            1: (122, 116), 2: (318, 116), 4: (220, 282), 3: (220, 98), 5: (150, 206), 6: (290, 206), 7: (220, 172),
        },
    ),
}  # fmt: skip


def overlap(made: Overlap) -> Markup:
    """The picture of an overlap; the table beside it says the same in words."""
    return _venn(made) if len(made.names) in _VENN else _matrix(made)


def day_words(day: int) -> str:
    """A day number as people read it: 21 Nov 2026."""
    at = datetime.fromtimestamp(day * clock.DAY_MS / 1000, UTC).date()
    pattern = "y年M月d日" if language() == "zh_Hans" else "d MMM y"
    return dates.format_date(at, pattern, locale=locale())


def region_words(region: Region) -> str:
    """Who a region is: "in A and B, not in C"."""
    inside = _(" and ").join(region.inside)
    if not region.outside:
        return _("in %(names)s", names=inside)
    return _("in %(names)s, not in %(others)s", names=inside, others=_(" or ").join(region.outside))


def _svg(width: int, height: int, title: str, cls: str, marks: list[str]) -> Markup:
    return Markup(  # noqa: S704 - words are escaped where they enter
        f'<svg class="chart {cls}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(marks)}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str = "start", cls: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{cls}">{escape(words)}</text>'


def _cut(name: str, room: int) -> str:
    """A name cut to its place; a Chinese character is about twice as wide."""
    used = 0
    for i, char in enumerate(name):
        used += 14 if ord(char) > 0x2E80 else 7
        if used > room:
            return name[:i] + "…"
    return name


def _venn(made: Overlap) -> Markup:
    (width, height), circles, names, places = _VENN[len(made.names)]
    marks = [
        f'<circle class="set c{i}" cx="{x}" cy="{y}" r="{_RADIUS}"><title>{escape(name)}</title></circle>'
        for i, ((x, y), name) in enumerate(zip(circles, made.names, strict=True), 1)
    ]
    for i, ((x, y, anchor), name) in enumerate(zip(names, made.names, strict=True), 1):
        marks.append(_text(x, y, _cut(name, 190), anchor, f"name c{i}"))
    for region in made.regions:
        x, y = places[region.mask]
        marks.append(
            f"<g><title>{escape(region_words(region))}</title>{_text(x, y, num(region.n), 'middle', 'n')}</g>"
        )
    return _svg(width, height, _said(made), "venn", marks)


def _matrix(made: Overlap) -> Markup:
    """A line a region, the greatest first: dots for the segments it is in, and a bar."""
    count, step, top = len(made.names), 26, 20 * len(made.names) + 14
    shown = sorted((r for r in made.regions if r.n), key=lambda r: -r.n)
    greatest = max((r.n for r in shown), default=1)
    marks = []
    for i, name in enumerate(made.names):
        x, y = 16 + i * 24, 14 + i * 20
        marks.append(f'<path class="lead" d="M{x} {top - 4}V{y}H{count * 24 + 4}"/>')
        marks.append(
            _text(
                count * 24 + 8, y + 4, f"{_cut(name, 300)} · {num(made.sizes[i])}", "start", f"name c{i + 1}"
            )
        )
    for at, region in enumerate(shown):
        y = top + 12 + at * step
        inside = [i for i in range(count) if region.mask >> i & 1]
        marks.append(f"<g><title>{escape(f'{region_words(region)}: {num(region.n)}')}</title>")
        marks.append(f'<path class="tie" d="M{16 + inside[0] * 24} {y}H{16 + inside[-1] * 24}"/>')
        for i in range(count):
            cls = f"c{i + 1}" if i in inside else "off"
            marks.append(f'<circle class="dot {cls}" cx="{16 + i * 24}" cy="{y}" r="6"/>')
        length = max(2.0, 230 * region.n / greatest)
        marks.append(
            f'<rect class="accent" x="{count * 24 + 8}" y="{y - 8}" width="{length:.1f}" height="16" rx="3"/>'
        )
        marks.append(_text(count * 24 + 16 + length, y + 4, num(region.n)) + "</g>")
    return _svg(440, top + 16 + len(shown) * step, _said(made), "matrix", marks)


def _said(made: Overlap) -> str:
    """What the picture shows, for those who hear it."""
    parts = (f"{region_words(region)}: {num(region.n)}" for region in made.regions if region.n)
    return "; ".join(parts) or _("Nobody is in any of these segments.")
