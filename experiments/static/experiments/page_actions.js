// Actions that templates name by data attributes, so that a page needs no inline handlers (CSP).
"use strict";

/** `data-confirm="Question?"` on a button: the click counts only if the answer is yes. */
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-confirm]");
  if (button && !window.confirm(button.dataset.confirm)) event.preventDefault();
});

/** `data-submit-on-change` on a field: its form is sent as soon as another value is chosen. */
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});

/** `data-copy="ID"` on a button: the text of that element is copied, and the button says so. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without TLS there is no clipboard: the old way takes what is selected.
    window.getSelection().selectAllChildren(source);
    document.execCommand("copy");
  }
  button.textContent = button.dataset.copied;
});
