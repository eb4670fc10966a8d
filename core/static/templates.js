// Fields go in where the cursor is; without this file the button appends them and the page comes back.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (!button) return;
  const text = button.form.querySelector("[data-editor]");
  text.setRangeText(button.value, text.selectionStart, text.selectionEnd, "end");
  text.focus();
  text.dispatchEvent(new Event("input", { bubbles: true }));
  button.closest("details")?.removeAttribute("open");
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
