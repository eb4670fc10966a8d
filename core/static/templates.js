// Fields go in where the cursor is, fixes go into the text, and a language comes on screen, all without waiting:
// what a person types is never swapped away.  Without this file the buttons post the page and get it back.
(function () {
  const text = () => document.getElementById("text");
  const refresh = () => document.body.dispatchEvent(new Event("editor-refresh"));
  const changed = (area) => area.dispatchEvent(new Event("input", { bubbles: true }));

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert], [data-fix]");
    if (!button) return;
    const area = text();
    if ("insert" in button.dataset) area.setRangeText(button.value, area.selectionStart, area.selectionEnd, "end");
    else mend(area, button.closest("[data-of]").dataset.of, button.value);
    area.focus();
    changed(area);
    button.closest("details")?.removeAttribute("open");
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // The fix is of the text as it was checked; letters typed since then stay where they are.
  const mend = (area, of, fix) => {
    const now = area.value;
    if (now === of) area.value = fix;
    else if (fix.startsWith(of)) area.value = now + fix.slice(of.length);
    else if (fix.endsWith(of)) area.value = fix.slice(0, fix.length - of.length) + now;
  };

  // The row of languages came back: its language's text comes on screen, the others wait.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "langs") return;
    const name = "text-" + document.querySelector("#langs [name=lang]").value;
    document.querySelectorAll("#texts textarea").forEach((area) => {
      const on = area.name === name;
      area.classList.toggle("d-none", !on);
      area.toggleAttribute("data-editor", on);
      if (on) area.id = "text";
      else area.removeAttribute("id");
    });
    text().focus();
    refresh();
  });

  // What was typed or chosen before the scripts were there is looked at, too.
  addEventListener("load", () => {
    const cls = document.getElementById("cls");
    if (text() && (text().value !== text().defaultValue || !cls.selectedOptions[0].defaultSelected)) refresh();
  });
})();
