// Guard against double clicks: a form that posts is sent once, by the browser or by htmx.
"use strict";

{
  // A form that is answered by a file leaves the page as it is, and may be sent again.
  const PAUSE_MS = 5000;
  const sent = new Set();
  window.addEventListener("pageshow", () => sent.clear());

  /** The second click of two stops here, before htmx or the browser takes it. */
  document.addEventListener(
    "submit",
    (event) => {
      if (!sent.has(event.target)) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || methodOf(form, event.submitter) !== "post") return;
    sent.add(form);
    setTimeout(() => sent.delete(form), PAUSE_MS);
  });

  // What htmx sends is answered in place: the form may be sent again as soon as that has come.
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.requestConfig.triggeringEvent?.type === "submit") sent.add(detail.elt);
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => sent.delete(detail.elt));

  /** By attribute: `form.method` is the field of a form that has one of this name. */
  function methodOf(form, button) {
    return (button?.getAttribute("formmethod") ?? form.getAttribute("method") ?? "get").toLowerCase();
  }
}
