"""The form of the segment builder, as a browser would post it."""

from html.parser import HTMLParser

NOW_MS = 1_795_000_000_000
HX = {"HX-Request": "true"}
VIP = {"segmenter": "label", "label": "vip"}
#: A tree as the builder posts it: city is 上海, but not any of (label vip).
TREE = {
    "join-0": "all",
    "kind-0_0": "attribute", "p-0_0-field": "city", "p-0_0-was": "city", "p-0_0-op": "eq", "p-0_0-value": "上海",
    "kind-0_1": "group", "not-0_1": "1", "join-0_1": "any",
    "kind-0_1_0": "label", "p-0_1_0-label": "vip", "p-0_1_0-min_confidence": "", "p-0_1_0-within_days": "",
    "name": "Shanghai",
}  # fmt: skip
RULE = {"all": [
    {"segmenter": "attribute", "field": "city", "op": "eq", "value": "上海"},
    {"not": {"any": [VIP]}},
]}  # fmt: skip


class _Fields(HTMLParser):
    """Name and value of each field of the form with id "segment", lists of several choices included."""

    def __init__(self):
        super().__init__()
        self.inside, self.select, self.several, self.first, self.found = False, "", False, None, []

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag == "form":
            self.inside = at.get("id") == "segment"
        if not self.inside:
            return
        if (
            tag == "input"
            and at.get("name")
            and (at.get("type") not in ("checkbox", "radio") or "checked" in at)
        ):
            self.found.append((at["name"], at.get("value", "")))
        elif tag == "select":
            self.select, self.several, self.first = at["name"], "multiple" in at, None
        elif tag == "option" and self.select and self.several:
            if "selected" in at:
                self.found.append((self.select, at["value"]))
        elif tag == "option" and self.select and (self.first is None or "selected" in at):
            self.first = at["value"]

    def handle_endtag(self, tag):
        if tag == "select":
            if self.select and not self.several:
                self.found.append((self.select, self.first or ""))
            self.select = ""
        if tag == "form":
            self.inside = False


def posted(html: str) -> dict[str, list[str]]:
    """What pressing its button sends."""
    parser, data = _Fields(), {}
    parser.feed(html)
    for name, value in parser.found:
        data.setdefault(name, []).append(value)
    return data
