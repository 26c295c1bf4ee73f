import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { Cta, convert } from "./Cta.jsx";

/** A single-page application with two pages; the snippet notices when they change. */
function App() {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const back = () => setPath(location.pathname);
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  const go = (to) => () => {
    history.pushState({}, "", to);
    setPath(to);
  };
  return (
    <>
      <nav>
        <button onClick={go("/")}>Accueil</button>
        <button onClick={go("/tarifs")}>Tarifs</button>
      </nav>
      {path === "/tarifs" ? <Pricing /> : <Home />}
    </>
  );
}

const Home = () => {
  const [count, setCount] = useState(0);
  return (
    <main>
      <button onClick={() => setCount(count + 1)}>Rendu {count}</button>
      <Cta slot="hero-signup" href="/signup">
        Créer un compte
      </Cta>
    </main>
  );
};

const Pricing = () => (
  <main>
    <Cta slot="library-home" href="/library">
      Interact
    </Cta>
    <button onClick={() => convert("order", { value: 12.5, currency: "EUR" })}>Commander</button>
  </main>
);

createRoot(document.getElementById("root")).render(<App />);
