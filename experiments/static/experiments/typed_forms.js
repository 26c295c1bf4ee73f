// Forms of the admin: what was typed outlives a lost session, and the focus a page that is made anew.
"use strict";

// In this tab only, until the next page of the admin.
const TYPED = "cta-typed";
const LOG_IN = "/account/";
const UNTYPED = "[type=hidden], [type=file], [type=submit], [type=button]";

document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented && event.target.getAttribute("method")?.toLowerCase() === "post") keep(event.target);
});

function typedFields(form) {
  return [...form.elements].filter((one) => one.name && one.matches("input, select, textarea") && !one.matches(UNTYPED));
}

function keep(form) {
  const fields = typedFields(form);
  if (!fields.length || form.querySelector("[type=password]")) return;
  const names = new Set(fields.map((one) => one.name));
  const values = [...new FormData(form)].filter(([name]) => names.has(name));
  const content = { page: location.pathname, action: form.getAttribute("action"), names: [...names], values };
  sessionStorage.setItem(TYPED, JSON.stringify(content));
}

/** Fill the form that was sent without a session, once its person has logged in again. */
function bringBack() {
  const content = JSON.parse(sessionStorage.getItem(TYPED));
  sessionStorage.removeItem(TYPED);
  const from = document.referrer && new URL(document.referrer);
  if (content?.page !== location.pathname || !from) return;
  if (from.origin !== location.origin || !from.pathname.startsWith(LOG_IN)) return;
  const form = [...document.forms].find(
    (one) => one.getAttribute("action") === content.action && content.names.every((name) => one.elements[name]),
  );
  if (form) fill(form, content.values);
}

function fill(form, values) {
  for (const field of typedFields(form)) {
    const own = values.filter(([name]) => name === field.name).map(([, text]) => text);
    if (field.matches("[type=checkbox], [type=radio]")) field.checked = own.includes(field.value);
    else if (field.matches("select")) for (const one of field.options) one.selected = own.includes(one.value);
    else if (own.length) field.value = own.shift();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  for (let part = form.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  const note = document.createElement("p");
  note.className = "cta-warning";
  note.setAttribute("role", "status");
  note.textContent = document.getElementById("cta-words").dataset.typedAgain;
  form.prepend(note);
  note.scrollIntoView();
}

if (!location.pathname.startsWith(LOG_IN)) bringBack();

// Of a field whose choice the whole page depends on: the answer is to load the page again.
const FOCUSED = "cta-focused";

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const next = event.detail.xhr.getResponseHeader("HX-Redirect");
  const isSame = next && new URL(next, location.href).pathname === location.pathname;
  if (isSame) sessionStorage.setItem(FOCUSED, document.activeElement.id);
});

const focused = document.getElementById(sessionStorage.getItem(FOCUSED));
sessionStorage.removeItem(FOCUSED);
focused?.focus({ focusVisible: true });
