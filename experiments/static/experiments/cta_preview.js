// Redraws the CTA on its form while it is being edited. The server draws it the same way.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const place = document.querySelector("[data-cta-drawing]");
  const form = document.getElementById("cta_form");
  if (!place || !form || !form.elements.background_color) return;

  const PADDING = { small: "4px 10px", medium: "8px 18px", large: "14px 28px" };
  const FONT_SIZE = { small: "13px", medium: "16px", large: "20px" };

  function draw() {
    const { background_color: back, text_color: text, size, icon, form: kind } = form.elements;
    place.replaceChildren();
    for (const input of form.querySelectorAll("input[name^=wordings-][name$=-text]")) {
      if (!input.value) continue;
      const shown = document.createElement(kind.value === "spoken" ? "q" : "span");
      shown.textContent = icon.value ? `${icon.value} ${input.value}` : input.value;
      shown.style.marginRight = "8px";
      if (kind.value !== "spoken") shown.style.fontSize = FONT_SIZE[size.value];
      if (kind.value === "link") {
        shown.style.color = back.value;
        shown.style.textDecoration = "underline";
      } else if (kind.value === "button") {
        shown.style.display = "inline-block";
        shown.style.borderRadius = "6px";
        shown.style.fontWeight = "600";
        shown.style.background = back.value;
        shown.style.color = text.value;
        shown.style.padding = PADDING[size.value];
      }
      place.append(shown);
    }
  }

  form.addEventListener("input", draw);
  form.addEventListener("change", draw);
});
