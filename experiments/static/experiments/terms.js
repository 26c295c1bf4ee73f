// The explanation behind a term also opens on hover and focus; a tap or Enter is the browser's own.
(() => {
  const PAUSE = 250; // Long enough to cross from the term into its note.
  const noteOf = (name) => document.getElementById(name.getAttribute("popovertarget"));
  const isOpen = (note) => note.matches(":popover-open");

  const place = (name, note) => {
    const at = name.getBoundingClientRect();
    const left = Math.min(at.left, document.documentElement.clientWidth - note.offsetWidth - 8);
    const below = at.bottom + 4;
    const fits = below + note.offsetHeight < window.innerHeight;
    note.style.left = `${Math.max(8, left)}px`;
    note.style.top = `${fits ? below : Math.max(8, at.top - note.offsetHeight - 4)}px`;
  };

  const open = (name) => {
    const note = noteOf(name);
    if (!isOpen(note)) note.showPopover();
    place(name, note);
  };

  for (const name of document.querySelectorAll(".cta-term-name")) {
    const note = noteOf(name);
    if (!note || !note.showPopover) continue;
    let closing = 0;
    const stay = () => clearTimeout(closing);
    const leave = () => {
      stay();
      closing = setTimeout(() => isOpen(note) && note.hidePopover(), PAUSE);
    };
    note.addEventListener("toggle", () => isOpen(note) && place(name, note));
    for (const part of [name, note]) {
      part.addEventListener("pointerenter", (event) => {
        stay();
        if (event.pointerType === "mouse") open(name);
      });
      part.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
      part.addEventListener("focusout", leave);
      part.addEventListener("focusin", stay);
    }
    name.addEventListener("focus", () => name.matches(":focus-visible") && open(name));
  }
})();
