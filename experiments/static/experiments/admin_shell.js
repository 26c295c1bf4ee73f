// What the theme's pages lack for the keyboard and for screen readers. The words come from
// <body>'s template element #cta-words, in the reader's language.
"use strict";

const words = document.getElementById("cta-words").dataset;
// What an icon without text beside it does.
const ICON_WORDS = {
  ads_click: words.home,
  dock_to_right: words.menu,
  search: words.search,
  close: words.close,
  more_vert: words.more,
  more_horiz: words.more,
};
const REACHABLE = "a[href], button, input, select, textarea, summary, label, form, [role=button]";

/** The name of an icon is a word of its font, not for people. */
function hideIcons(root) {
  for (const icon of root.querySelectorAll(".material-symbols-outlined")) {
    icon.setAttribute("translate", "no");
    const owner = icon.closest("a, button, [role=button]");
    if (owner === icon) continue;
    icon.setAttribute("aria-hidden", "true");
    const name = icon.textContent.trim();
    if (owner?.textContent.trim() === name && !owner.title && name in ICON_WORDS)
      owner.setAttribute("aria-label", ICON_WORDS[name]);
  }
}

/** The theme's menus open by a click on a part that the keyboard does not reach. */
function makeReachable(root) {
  for (const part of root.querySelectorAll("[x-on\\:click]")) {
    if (part.matches(REACHABLE)) continue;
    const icon = part.textContent.trim();
    part.setAttribute("role", "button");
    part.tabIndex = 0;
    if (icon in ICON_WORDS) part.setAttribute("aria-label", ICON_WORDS[icon]);
    part.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      part.click();
    });
  }
}

/** A field of choices is drawn anew by select2, without its label. */
function labelChoices(root) {
  for (const select of root.querySelectorAll("select.select2-hidden-accessible")) {
    const label = select.labels[0]?.textContent.replace("*", "").trim();
    const drawn = select.nextElementSibling;
    if (!label || !drawn) continue;
    for (const part of drawn.querySelectorAll("[role=combobox], [role=textbox], input")) {
      part.removeAttribute("aria-labelledby");
      part.setAttribute("aria-label", label);
    }
  }
}

/** The column of the boxes that remove a row has no title. */
function titleColumns(root) {
  for (const title of root.querySelectorAll("table.formset thead th")) {
    if (title.textContent.trim()) continue;
    const text = Object.assign(document.createElement("span"), { textContent: words.remove });
    text.className = "cta-unseen";
    title.append(text);
  }
}

/** A part that scrolls is reached by the keyboard, and has one name of its own. */
function nameScrolling(root) {
  for (const [index, part] of root.querySelectorAll(".simplebar-content-wrapper").entries()) {
    part.removeAttribute("role");
    part.removeAttribute("aria-label");
    if (index && part.scrollWidth <= part.clientWidth) part.removeAttribute("tabindex");
  }
  for (const part of root.querySelectorAll(".cta-scroll")) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  }
}

/** The appearance is the person's: what a button switches to is kept for their other browsers. */
function keepTheme(event) {
  const button = event.target.closest("[data-theme]");
  const keepAt = button?.closest("[data-keep-at]")?.dataset.keepAt;
  if (!keepAt) return;
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const body = new URLSearchParams({ theme: button.dataset.theme });
  fetch(keepAt, { method: "POST", body, headers: { "X-CSRFToken": token } }).catch(() => {
    // The browser has switched anyway; the next switch is kept.
  });
}

function mend(root) {
  makeReachable(root);
  hideIcons(root);
  titleColumns(root);
  labelChoices(root);
  nameScrolling(root);
}

// Choices are drawn whenever their own script comes to it.
new MutationObserver((changes) => {
  const isDrawn = (node) => node.classList?.contains("select2-container");
  if (changes.some((change) => [...change.addedNodes].some(isDrawn))) labelChoices(document);
}).observe(document.body, { childList: true, subtree: true });

window.addEventListener("load", () => mend(document));
document.addEventListener("click", keepTheme);
document.addEventListener("formset:added", (event) => mend(event.target));
document.addEventListener("htmx:load", (event) => mend(event.target));
