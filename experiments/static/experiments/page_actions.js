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

/** `data-most-bytes="N"` on a field for files: one that is larger is named before it is sent. */
document.addEventListener("change", (event) => {
  const { files, dataset } = event.target;
  if (!files || !dataset.mostBytes) return;
  const isLarge = [...files].some((file) => file.size > Number(dataset.mostBytes));
  event.target.setCustomValidity(isLarge ? dataset.tooLarge : "");
  event.target.reportValidity();
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

/** A link to a folded part opens it; printing opens all parts, and closes them again after it. */
function openPart(hash) {
  const part = hash && document.getElementById(hash.slice(1))?.closest("details");
  if (part) part.open = true;
}
window.addEventListener("hashchange", () => openPart(window.location.hash));
openPart(window.location.hash);
document.addEventListener("click", (event) => openPart(event.target.closest("a[href^='#']")?.hash));
window.addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll(".cta-part:not([open])")) {
    part.open = true;
    part.dataset.openedToPrint = "";
  }
});
window.addEventListener("afterprint", () => {
  for (const part of document.querySelectorAll("[data-opened-to-print]")) {
    part.open = false;
    delete part.dataset.openedToPrint;
  }
});
