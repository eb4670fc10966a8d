"""What axe says of pages: its script goes in with the page, and contrast is measured where it is new.

Half of axe's time on a page goes into contrast, which depends on colours, on what they lie on and on the size of
the letters; where a page shows none that was not measured before, the other rules are all there is to ask.
"""

from __future__ import annotations

from typing import Any

#: What contrast depends on, once for each kind of text and field one can see.
_COLOURS = """() => {
  const known = new Map(), found = new Set();
  const below = e => {
    if (!e) return "";
    if (!known.has(e)) {
      const s = getComputedStyle(e);
      const own = [s.backgroundColor, s.backgroundImage, s.opacity, s.filter].join(" ");
      known.set(e, (own === "rgba(0, 0, 0, 0) none 1 none" ? "" : own + " / ") + below(e.parentElement));
    }
    return known.get(e);
  };
  for (const e of document.querySelectorAll("body, body *")) {
    const written = e.matches("input, select, textarea") || [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!written || !e.checkVisibility({checkVisibilityCSS: true})) continue;
    const s = getComputedStyle(e);
    found.add([s.color, s.fontSize, s.fontWeight, s.textShadow, e.matches(":disabled"), below(e)].join(" | "));
  }
  return [...found];
}"""


class Looker:
    """Axe on one tab: `Looker(page)` before its pages, `look()` on each.

    `beside` is another one on the same tab, such as for other colours.
    """

    def __init__(self, page, beside: Looker | None = None, **options: Any):
        from axe_playwright_python.sync_playwright import Axe

        self._page, self._options, self._measured = page, {"resultTypes": ["violations"], **options}, set()
        if beside is None:
            page.add_init_script(Axe().axe_script)

    def look(self) -> list[dict]:
        """The violations on the page as it stands, as axe tells them."""
        colours = set(self._page.evaluate(_COLOURS))
        contrast = {"color-contrast": {"enabled": not colours <= self._measured}}
        self._measured |= colours
        return self._page.evaluate(
            "options => axe.run(options).then(result => result.violations)",
            {**self._options, "rules": contrast},
        )
