/** The condition of an audience: rows added and removed, one way shown, an example tried. */

const DELAY_MS = 300; // after the last key

for (const box of document.querySelectorAll("[data-condition]")) {
  const name = box.dataset.condition;
  const form = box.closest("form");
  const rows = box.querySelector("[data-rows]");
  const verdict = box.querySelector("[data-verdict]");
  const blank = rows.lastElementChild.cloneNode(true);
  let timer;

  const show = () => {
    const { value } = form.elements[`${name}_mode`];
    for (const way of box.querySelectorAll("[data-way]")) way.hidden = way.dataset.way !== value;
    for (const row of rows.children) {
      const [attribute, operator] = row.querySelectorAll("select");
      const [custom, text] = row.querySelectorAll("input");
      custom.hidden = attribute.value !== "*";
      text.hidden = /known$/.test(operator.value);
    }
  };

  const check = async () => {
    const body = new FormData(form);
    body.set("example", body.get(`${name}_example`));
    const answer = await fetch(box.dataset.check, { method: "POST", body });
    if (!answer.ok) return;
    const { is_in, text, summary } = await answer.json();
    verdict.textContent = summary ? `${text} (${summary})` : text;
    verdict.className = is_in ? "cta-in" : is_in === null ? "cta-alarm" : "cta-out";
  };

  const changed = () => {
    show();
    clearTimeout(timer);
    timer = setTimeout(check, DELAY_MS);
  };

  box.addEventListener("input", changed);
  box.addEventListener("click", ({ target }) => {
    if (target.matches("[data-add]")) rows.append(blank.cloneNode(true));
    if (target.matches("[data-remove]")) target.closest("[data-row]").remove();
    if (target.matches("button")) changed();
  });
  changed();
}
