// Small help for pages that also work without it.  No state, no library but htmx.
(function () {
  const one = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const lost = () => one("#lost");

  // htmx: every request carries the CSRF token; refused ones bring their own place for the message.
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = one("meta[name=csrf-token]").content;
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status === 422 || xhr.status === 409 || xhr.getResponseHeader("HX-Retarget")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });
  // A part that asks anew by itself stays while somebody types or chooses in it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { elt, target } = event.detail;
    if (elt !== target || !/^every/.test(elt.getAttribute("hx-trigger"))) return;
    const typed = all("input:not([type=hidden]), textarea", elt).some((box) => box === document.activeElement || box.value !== box.defaultValue);
    if (typed || one(":popover-open, details.drop[open]", elt)) event.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:sendError", () => (lost().hidden = false));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) lost().hidden = true;
  });
  // A count in the menu is empty until there is something to count.
  document.addEventListener("htmx:afterSwap", (event) => {
    const { target } = event.detail;
    if (target.matches(".count")) target.hidden = !target.textContent.trim();
  });

  // What is wider than its place is scrolled by the arrow keys, too.
  const reach = () =>
    all(".table-in, .table-responsive, .flush > .card-in, .arrival-wide, .trial-wide").forEach((box) => {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  addEventListener("load", () => {
    reach();
    // The open tab is in sight, however many there are.
    all(".tabs .on").forEach((tab) => (tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40));
  });
  addEventListener("resize", reach);
  document.addEventListener("htmx:afterSettle", reach);

  // Copy buttons, and boxes that select their content.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      await navigator.clipboard.writeText(button.dataset.copy);
      one("span", button).textContent = button.dataset.done;
    }
    if (event.target.matches("[data-select]")) event.target.select();
    // An open menu closes when something else is clicked.
    all("details.drop[open]").forEach((drop) => drop.contains(event.target) || (drop.open = false));
  });

  // Rows chosen for a bulk action; a dialog that wants a name typed; forms sent once.
  const count = (form) => {
    const picked = all(".pick:checked", form).length;
    all("[data-bulk-count]", form).forEach((place) => (place.textContent = picked));
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-bulk]");
    if (form && event.target.matches("[data-pick-all]")) {
      all(".pick", form).forEach((box) => (box.checked = event.target.checked));
    }
    if (form) count(form);
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("input", (event) => {
    const { must } = event.target.dataset;
    if (must) event.target.setCustomValidity(event.target.value.trim() === must ? "" : must);
  });
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    // After the browser has read the form; a disabled button would not be sent along.
    setTimeout(() => all("button", event.target).forEach((button) => (button.disabled = true)));
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) all("form button:disabled").forEach((button) => (button.disabled = false));
  });

  // A long menu is searched: typing hides what does not match, Enter takes the first that does.
  document.addEventListener(
    "toggle",
    (event) => {
      const box = event.target.open && event.target.matches(".drop") && one("[data-filter]", event.target);
      if (!box) return;
      box.hidden = false;
      box.focus();
    },
    true,
  );
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-filter]")) return;
    const wanted = event.target.value.trim().toLowerCase();
    all("fieldset", event.target.parentElement).forEach((group) => {
      const whole = one("legend", group).textContent.toLowerCase().includes(wanted);
      const entries = all("button", group);
      entries.forEach((entry) => (entry.hidden = !whole && !entry.textContent.toLowerCase().includes(wanted)));
      group.hidden = entries.every((entry) => entry.hidden);
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("[data-filter]")) return;
    event.preventDefault();
    const found = all("fieldset:not([hidden]) button:not([hidden])", event.target.parentElement);
    if (found.length) found[0].click();
  });

  // Keys: "/" searches, "g" and a letter goes to a place of the menu.
  let going = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      all("details.drop[open]").forEach((drop) => {
        drop.open = false;
        one("summary", drop).focus();
      });
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "/" && one("[data-search]")) {
      event.preventDefault();
      one("[data-search]").focus();
    } else if (event.key === "g") {
      going = event.timeStamp;
    } else if (event.timeStamp - going < 1500) {
      const link = one(`.menu [data-key="${CSS.escape(event.key)}"]`);
      if (link) location.assign(link.href);
    }
  });
})();
