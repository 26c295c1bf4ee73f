/**
 * Builds dist/cta.js and, beside it, the sha384 integrity value that a page can pin.
 * `--check` builds in memory and fails if the committed files are not what the source gives.
 */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const root = new URL(".", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));

const {
  outputFiles: [bundle],
} = await build({
  absWorkingDir: root.pathname,
  entryPoints: ["src/cta.js"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "utf8",
  // Names of our own records (Cta), shared with neither the DOM nor the service.
  mangleProps: /^(element|flag|destination|undo|reveal)$/,
  legalComments: "none",
  banner: { js: `/*! ctaopt ${version} | Apache-2.0 */` },
  outfile: "dist/cta.js",
  write: false,
});

const digest = createHash("sha384").update(bundle.contents).digest("base64");
const built = { "dist/cta.js": bundle.text, "dist/cta.js.sri": `sha384-${digest}\n` };

for (const [name, text] of Object.entries(built)) {
  const path = new URL(name, root);
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
  } else if (readFileSync(path, "utf8") !== text) {
    console.error(`sdk/${name} is not what its source gives: run "npm run build" in sdk/`);
    process.exitCode = 1;
  }
}
