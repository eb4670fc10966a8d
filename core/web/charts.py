"""Charts as SVG, rendered on the server: line, bars, funnel, heat map, intervals.

Colours come from the page's CSS by class (`c1`…`c5` in the colour-blind-safe order of Okabe and Ito, `good`,
`bad`), so light and dark need no second drawing.  No inline style, no script.  Every mark carries a <title>,
and the whole an `aria-label` that says in words what the picture shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from core.web.format import num

_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Series:
    """One line or set of bars; None leaves a gap."""

    name: str
    values: Sequence[float | None]
    color: str = "c1"


def _svg(width: int, height: int, label: str, marks: list[str]) -> Markup:
    return Markup(
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
        f"{''.join(marks)}</svg>"
    )


def _text(x: float, y: float, words: object, anchor: str = "start", cls: str = "") -> str:
    mark = f' class="{cls}"' if cls else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{mark}>{escape(words)}</text>'


def _top(greatest: float, lines: int = 3) -> float:
    """A round figure at or above `greatest` that `lines` equal steps reach."""
    if greatest <= 0:
        return float(lines)
    size = 10 ** math.floor(math.log10(greatest / lines))
    return lines * next(step * size for step in _STEPS if lines * step * size >= greatest)


def legend(series: Sequence[Series]) -> Markup:
    """What the colours mean, as a list below a chart."""
    items = "".join(f'<li><i class="key {s.color}"></i>{escape(s.name)}</li>' for s in series)
    return Markup(f'<ul class="legend">{items}</ul>')


def line(
    series: Sequence[Series],
    labels: Sequence[str],
    *,
    title: str,
    unit: str = "",
    width: int = 640,
    height: int = 200,
) -> Markup:
    """Lines over equally spaced points; `labels` name the points and are thinned to what fits."""
    left, bottom, top = 58, 26, 12
    highest = _top(max((v for s in series for v in s.values if v is not None), default=0))
    count = max(len(labels), 2)

    def x(i: int) -> float:
        return left + (width - left - 10) * i / (count - 1)

    def y(value: float) -> float:
        return top + (height - top - bottom) * (1 - value / highest)

    marks = _grid(highest, unit, left, width, y)
    for s in series:
        for run in _runs(s.values):
            points = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in run)
            shape = (
                f'<polyline class="line {s.color}" points="{points}"/>'
                if len(run) > 1
                else f'<circle class="dot {s.color}" cx="{x(run[0][0]):.1f}" cy="{y(run[0][1]):.1f}" r="3"/>'
            )
            marks.append(shape)
        for i, value in enumerate(s.values):
            if value is not None:
                words = f"{labels[i]}: {num(value)}{unit} {s.name}"
                marks.append(
                    f'<circle class="hit" cx="{x(i):.1f}" cy="{y(value):.1f}" r="7"><title>{escape(words)}</title></circle>'
                )
    # On a phone letters are a third larger beside the lines; a label never runs into the next.
    fit = max(2, int((width - left - 10) / (max(map(_width, labels), default=0) * 4 / 3 + 16)))
    every = max(1, math.ceil(len(labels) / min(6, fit)))
    for i in range(0, len(labels), every):
        # The last one is not cut off at the edge.
        fits = x(i) + _width(labels[i]) * 2 / 3 <= width
        marks.append(_text(x(i), height - 6, labels[i], "middle" if fits else "end"))
    return _svg(width, height, title, marks)


def _grid(highest: float, unit: str, left: int, width: int, y) -> list[str]:
    marks = []
    for k in range(4):
        value = highest * k / 3
        marks.append(f'<line class="axis" x1="{left}" x2="{width}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        marks.append(_text(left - 6, y(value) + 4, f"{num(round(value, 4))}{unit}", "end"))
    return marks


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The stretches between gaps."""
    runs: list[list[tuple[int, float]]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((i, value))
    return [run for run in runs if run]


def bars(
    rows: Sequence[tuple[str, float, str, str]], *, title: str, width: int = 640, label_width: int = 190
) -> Markup:
    """Horizontal bars: (name, value, note, colour); lengths in proportion."""
    greatest = max((value for _n, value, _note, _c in rows), default=0) or 1
    marks, room = [], width - label_width - 130
    for i, (name, value, note, color) in enumerate(rows):
        length = max(2.0, room * value / greatest)
        marks.append(_text(0, i * 30 + 19, _short(name, label_width)))
        marks.append(
            f'<rect class="{color}" x="{label_width}" y="{i * 30 + 6}" width="{length:.1f}" height="18" rx="4">'
            f"<title>{escape(f'{name}: {num(value)}')}</title></rect>"
        )
        marks.append(
            _text(label_width + length + 8, i * 30 + 19, f"{num(value)}{' · ' + note if note else ''}")
        )
    return _svg(width, max(30, len(rows) * 30), title, marks)


def _width(words: str) -> int:
    """About how wide words are; a CJK character is twice a letter."""
    return sum(14 if ord(char) > 0x2E80 else 7 for char in words)


def _short(words: str, width: int) -> str:
    """Cut a label to its column."""
    for i in range(len(words)):
        if _width(words[: i + 1]) > width - 12:
            return words[:i] + "…"
    return words


def funnel(steps: Sequence[tuple[str, int, str, bool]], *, title: str, width: int = 640) -> Markup:
    """Steps (name, people, note, weak); widths by square root, so that small steps stay visible."""
    first = max(steps[0][1], 1) if steps else 1
    words = [f"{num(people)}{'  ·  ' + note if note else ''}" for _name, people, note, _weak in steps]
    # On a phone letters are a third larger, and the longest line still ends inside.
    room = min(width - 350, width - 140 - max(map(_width, words), default=0) * 4 / 3)
    marks = []
    for i, (name, people, _note, weak) in enumerate(steps):
        length = max(3.0, room * math.sqrt(people / first))
        marks.append(_text(0, i * 38 + 23, _short(name, 130)))
        marks.append(
            f'<rect class="{"c2" if weak else "accent"}" x="130" y="{i * 38 + 7}" width="{length:.1f}" height="22" rx="4">'
            f"<title>{escape(f'{name}: {num(people)}')}</title></rect>"
        )
        marks.append(_text(138 + length, i * 38 + 23, words[i]))
    return _svg(width, max(38, len(steps) * 38), title, marks)


def heat(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[float | None]], words: Sequence[Sequence[str]],
    *, title: str, width: int = 560
) -> Markup:  # fmt: skip
    """A heat map: `cells` are 0..1 or None for "no data"; `words` say each cell in full."""
    left, step = 44, (width - 44) / max(len(columns), 1)
    marks = []
    for r, name in enumerate(rows):
        marks.append(_text(left - 8, 21 + r * 22, name, "end"))
        for c, value in enumerate(cells[r]):
            shade = "none" if value is None else f"h{min(9, int(value * 10))}"
            place = f'x="{left + c * step:.1f}" y="{7 + r * 22}" width="{step - 3:.1f}" height="19"'
            marks.append(
                f'<rect class="cell {shade}" {place} rx="3"><title>{escape(words[r][c])}</title></rect>'
            )
    every = max(1, math.ceil(len(columns) / 12))
    for c in range(0, len(columns), every):
        marks.append(_text(left + c * step + (step - 3) / 2, len(rows) * 22 + 22, columns[c], "middle"))
    return _svg(width, len(rows) * 22 + 30, title, marks)


def intervals(
    rows: Sequence[tuple[str, float, float, float, str]], *, title: str, unit: str = "", width: int = 460
) -> Markup:
    """Estimates with intervals around zero: (name, low, value, high, colour)."""
    low = min([0.0, *(r[1] for r in rows)])
    high = max([0.0, *(r[3] for r in rows)])
    spread = (high - low) or 1.0
    low, high = low - spread * 0.08, high + spread * 0.08

    def x(value: float) -> float:
        return 130 + (width - 215) * (value - low) / (high - low)

    marks = [f'<line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{len(rows) * 34}"/>']
    for i, (name, lo, value, hi, color) in enumerate(rows):
        y = i * 34 + 16
        marks.append(_text(0, y + 4, _short(name, 130)))
        marks.append(f'<line class="span {color}" x1="{x(lo):.1f}" x2="{x(hi):.1f}" y1="{y}" y2="{y}"/>')
        marks.append(
            f'<circle class="dot {color}" cx="{x(value):.1f}" cy="{y}" r="5.5">'
            f"<title>{escape(f'{name}: {lo:+.2f} … {hi:+.2f}{unit}')}</title></circle>"
        )
        marks.append(_text(width, y + 4, f"{value:+.2f}{unit}", "end"))
    return _svg(width, len(rows) * 34 + 4, title, marks)


def spark(values: Sequence[float | None], *, title: str, width: int = 120, height: int = 28) -> Markup:
    """A line without axes, for a cell of a table."""
    greatest = max((v for v in values if v is not None), default=0) or 1
    count = max(len(values) - 1, 1)
    marks = []
    for run in _runs(values):
        points = " ".join(
            f"{2 + (width - 4) * i / count:.1f},{height - 3 - (height - 6) * v / greatest:.1f}"
            for i, v in run
        )
        marks.append(f'<polyline class="line c1" points="{points}"/>')
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(marks)}</svg>'
    )
