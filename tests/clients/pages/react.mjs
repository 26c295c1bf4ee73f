// A page of React: the button is rendered anew, keeps its state, and is put elsewhere.
import { createElement as h, StrictMode, useState } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";

function Buy({ text, href }) {
  return h("a", { "data-cta-slot": "hero-signup", href }, h("svg", { width: 9 }), " ", text);
}

function App() {
  const [state, setState] = useState({ n: 0, text: "Sign up", href: "/signup", isAway: false });
  window.change = (more) => setState((old) => ({ ...old, ...more }));
  return h(
    "main",
    null,
    h("p", null, `Basket: ${state.n}`),
    state.isAway ? null : h(Buy, { ...state, key: state.key }),
    h("button", { id: "more", onClick: () => setState((old) => ({ ...old, n: old.n + 1 })) }, "+"),
  );
}

const root = document.getElementById("root");
const app = h(StrictMode, null, h(App));
window.errors = [];
const options = { onRecoverableError: (error) => window.errors.push(String(error)) };
if (root.childElementCount) hydrateRoot(root, app, options);
else createRoot(root).render(app);
