"""Charts are well-formed, harmless and say in words what they show."""

from xml.etree import ElementTree

import pytest

from core.web import charts

EVIL = '"><script>alert(1)</script>'
SVG = "{http://www.w3.org/2000/svg}"


def parsed(markup):
    return ElementTree.fromstring(str(markup))


@pytest.fixture(autouse=True)
def in_a_request(app):
    with app.test_request_context("/"):
        yield


ALL = {
    "line": lambda name: charts.line([charts.Series(name, [1, None, 3, 4])], [name] * 4, title=name),
    "one point": lambda name: charts.line([charts.Series(name, [5])], [name], title=name),
    "no data": lambda name: charts.line([charts.Series(name, [None, None])], ["a", "b"], title=name),
    "bars": lambda name: charts.bars([(name, 3, name, "c1"), ("b", 0, "", "c2")], title=name),
    "no bars": lambda name: charts.bars([], title=name),
    "funnel": lambda name: charts.funnel([(name, 100, name, False), ("b", 0, "", True)], title=name),
    "heat": lambda name: charts.heat([name], ["8", "9"], [[0.5, None]], [[name, name]], title=name),
    "intervals": lambda name: charts.intervals([(name, -1, 0.5, 2, "c1")], title=name),
    "spark": lambda name: charts.spark([1, 2, None], title=name),
}


@pytest.mark.parametrize("kind", ALL)
def test_foreign_words_stay_words(kind):
    drawn = ALL[kind](EVIL)
    assert "<script" not in drawn and "style=" not in drawn
    assert parsed(drawn).attrib["aria-label"] == EVIL


def test_a_gap_splits_a_line_and_a_lone_point_is_a_dot():
    drawn = parsed(charts.line([charts.Series("x", [1, None, 3, 4])], list("abcd"), title="x"))
    assert len(drawn.findall("polyline")) == 1
    assert len(drawn.findall("circle[@class='dot c1']")) == 1


def test_the_greatest_value_touches_no_edge():
    drawn = parsed(charts.line([charts.Series("x", [0, 97])], ["a", "b"], title="x"))
    ys = [float(c.attrib["cy"]) for c in drawn.findall("circle")]
    assert min(ys) >= 12 and max(ys) <= 174


@pytest.mark.parametrize(
    ("greatest", "top"), [(97, 150), (3, 3), (1000, 1500), (0, 3), (0.3, 0.3), (2999, 3000)]
)
def test_axes_end_at_round_figures(greatest, top):
    assert charts._top(greatest) == pytest.approx(top)


def test_the_shares_of_a_funnel_keep_their_order():
    drawn = parsed(
        charts.funnel([("a", 1000, "", False), ("b", 500, "", False), ("c", 1, "", True)], title="x")
    )
    widths = [float(rect.attrib["width"]) for rect in drawn.findall("rect")]
    assert widths == sorted(widths, reverse=True) and widths[-1] >= 3


def test_the_last_label_below_a_line_is_not_cut_off():
    drawn = charts.line([charts.Series("VIP", [1, 2])], ["21 Nov 2026", "22 Nov 2026"], title="t")
    anchors = {text.text: text.attrib["text-anchor"] for text in parsed(drawn).iter("text")}
    assert (anchors["21 Nov 2026"], anchors["22 Nov 2026"]) == ("middle", "end")
