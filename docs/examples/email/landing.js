// Counts the click on an e-mail's CTA, once, when a person is on the landing page:
//   <script async src="landing.js" data-service="https://cta.example.org" data-key="CLIENT_KEY"></script>
// Mail programs and security scanners open links ahead; they move no pointer and press no key.

(() => {
  const { service, key } = document.currentScript.dataset;
  const address = new URL(location.href);
  const { cta_slot: slot, cta_variant: variant, cta_visitor: visitor, cta_experiment: experiment } =
    Object.fromEntries(address.searchParams);
  if (!visitor || !experiment) return;

  // From now on the address is clean: a reload, a bookmark or a shared link is nobody's click.
  ["cta_slot", "cta_variant", "cta_visitor", "cta_experiment"].forEach((name) =>
    address.searchParams.delete(name),
  );
  history.replaceState(history.state, "", address);
  if (navigator.webdriver) return;

  const signs = ["pointermove", "pointerdown", "touchstart", "wheel", "keydown"];
  const count = ({ isTrusted, type, movementX, movementY }) => {
    if (!isTrusted || document.hidden) return;
    // Browsers report a pointer that rests, too, when the page appears below it.
    if (type === "pointermove" && !movementX && !movementY) return;
    signs.forEach((sign) => removeEventListener(sign, count));
    const id = crypto.randomUUID();
    const click = { id, type: "click", slot, variant, visitor, experiment, at: new Date().toISOString() };
    const body = JSON.stringify({ events: [click] });
    navigator.sendBeacon(`${service}/api/v1/events?key=${encodeURIComponent(key)}`, body);
  };
  signs.forEach((sign) => addEventListener(sign, count, { passive: true }));
})();
