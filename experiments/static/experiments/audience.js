/** The condition of an audience: rows added and removed, values chosen, an example tried. */

const DELAY_MS = 300; // after the last key

for (const box of document.querySelectorAll("[data-condition]")) {
  const name = box.dataset.condition;
  const form = box.closest("form");
  const rows = box.querySelector("[data-rows]");
  const verdict = box.querySelector("[data-verdict]");
  const reach = box.querySelector("[data-reach]");
  const blank = rows.lastElementChild.cloneNode(true);
  let timer;

  /** Stand a list in front of a text: what is chosen is written into it. */
  const choose = (text, attribute, many) => {
    const values = box.querySelector(`template[data-values="${attribute}"]`);
    let list = text.nextElementSibling?.matches("[data-list]") ? text.nextElementSibling : null;
    text.hidden = Boolean(values);
    if (!values) return list?.remove();
    if (!list) {
      list = document.createElement("select");
      list.dataset.list = "";
      list.setAttribute("aria-label", text.getAttribute("aria-label") ?? attribute);
      text.after(list);
    }
    const shows = `${attribute} ${many}`;
    if (list.dataset.shows === shows) return;
    list.dataset.shows = shows;
    list.multiple = many;
    list.size = many ? 6 : 1;
    list.replaceChildren(...(many ? [] : [new Option("", "")]), values.content.cloneNode(true));
    const chosen = text.value.split(",").map((one) => one.trim());
    for (const one of many ? chosen : [text.value.trim()]) {
      const known = [...list.options].find((option) => option.value === one);
      // A value from before there were lists, or a region of a language.
      if (one && !known) list.append(new Option(one, one));
      for (const option of list.options) if (option.value === one) option.selected = true;
    }
  };

  const show = () => {
    const { value } = form.elements[`${name}_mode`];
    for (const way of box.querySelectorAll("[data-way]")) way.hidden = way.dataset.way !== value;
    for (const row of rows.children) {
      const [attribute, operator] = row.querySelectorAll("select");
      const [custom, text] = row.querySelectorAll("input");
      custom.hidden = attribute.value !== "*";
      const one = /^is(_not)?$/.test(operator.value);
      const many = /_of$/.test(operator.value);
      choose(text, one || many ? attribute.value : "", many);
      if (/known$/.test(operator.value)) text.hidden = true;
    }
  };

  const check = async () => {
    const body = new FormData(form);
    body.set("example", body.get(`${name}_example`));
    const answer = await fetch(box.dataset.check, { method: "POST", body });
    if (!answer.ok) return;
    const { is_in, text, summary, reach: size } = await answer.json();
    reach.textContent = size ?? "";
    verdict.textContent = summary ? `${text} (${summary})` : text;
    verdict.className = is_in ? "cta-in" : is_in === null ? "cta-alarm" : "cta-out";
  };

  const changed = () => {
    show();
    clearTimeout(timer);
    timer = setTimeout(check, DELAY_MS);
  };

  for (const text of box.querySelectorAll("[data-try]")) choose(text, text.dataset.try, false);

  box.addEventListener("input", ({ target }) => {
    if (target.matches("[data-list]")) {
      const chosen = [...target.selectedOptions].map((option) => option.value);
      target.previousElementSibling.value = chosen.join(", ");
    }
    // Another attribute has other values.
    if (target.name === `${name}_attribute`) {
      target.closest("[data-row]").querySelectorAll("input")[1].value = "";
    }
    changed();
  });
  box.addEventListener("click", ({ target }) => {
    if (target.matches("[data-add]")) rows.append(blank.cloneNode(true));
    if (target.matches("[data-remove]")) target.closest("[data-row]").remove();
    if (target.matches("button")) changed();
  });
  changed();
}
