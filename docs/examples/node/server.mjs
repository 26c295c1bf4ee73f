// A server in Node that asks through OpenFeature and renders the CTA itself.
//   npm i @openfeature/server-sdk @openfeature/ofrep-provider
//   CTAOPT_URL=https://cta.example.org CTAOPT_KEY=CLIENT_KEY PORT=8002 node server.mjs

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature } from "@openfeature/server-sdk";

const { CTAOPT_URL: url, CTAOPT_KEY: key, PORT: port } = process.env;
await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: url, headers: [["X-API-Key", key]], timeoutMs: 300 }),
);
const client = OpenFeature.getClient();

const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** The element, with what the snippet needs to count it; the page's own where nobody answers. */
async function cta(slot, visitor, own) {
  const context = { targetingKey: visitor, locale: "fr" };
  const { value, variant, flagMetadata } = await client.getObjectDetails(slot, own, context);
  const attributes = {
    href: value.href,
    lang: value.locale,
    dir: value.dir,
    "data-cta-slot": slot,
    // Without these the snippet fills the slot in the browser.
    "data-cta-variant": value === own ? undefined : variant,
    "data-cta-experiment": flagMetadata.preview ? undefined : flagMetadata.experiment,
    "data-cta-phase": flagMetadata.phase,
    "data-cta-receipt": flagMetadata.receipt,
    "data-cta-form": value.form,
  };
  const written = Object.entries(attributes).filter(([, text]) => text || text === 0);
  return `<a ${written.map(([name, text]) => `${name}="${escaped(text)}"`).join(" ")}>${escaped(value.text)}</a>`;
}

createServer(async (request, response) => {
  // The snippet reads this cookie and counts for the same visitor. Where you need consent, ask first.
  const known = /(?:^|; )ctaopt_visitor=([\w.-]+)/.exec(request.headers.cookie ?? "")?.[1];
  const visitor = known ?? randomUUID();
  const link = await cta("hero-signup", visitor, { text: "Créer un compte", href: "/signup" });
  response.writeHead(200, {
    "Content-Type": "text/html; charset=utf-8",
    // The page is this visitor's alone: a cache would give one arm to everybody.
    "Cache-Control": "private, no-store",
    ...(known ? {} : { "Set-Cookie": `ctaopt_visitor=${visitor}; Path=/; Max-Age=15552000; SameSite=Lax` }),
  });
  response.end(`<!doctype html>
<html lang="fr">
  <head><meta charset="utf-8"><title>Boutique</title>
  <script async src="${escaped(url)}/cta.js" data-key="${escaped(key)}"></script></head>
  <body><h1>Boutique</h1>${link}</body>
</html>`);
}).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`));
