/**
 * Builds dist/cta.js and, beside it, the sha384 integrity value that a page can pin; and the same
 * two under the version's own name, which stays when later versions come.
 * `--check` builds in memory and fails if the committed files are not what the source gives.
 */

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { minify } from "terser";

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
  target: "es2022",
  charset: "utf8",
  // Names of our own records (Cta), shared with neither the DOM nor the service.
  mangleProps: /^(element|flag|destination|undo|isRendered)$/,
  legalComments: "none",
  write: false,
});
// Terser inlines what is called once: 4 % less after compression.
const { code } = await minify(bundle.text, {
  ecma: 2022,
  toplevel: true,
  compress: { passes: 3, pure_getters: true, unsafe_arrows: true },
  format: { preamble: `/*! ctaopt ${version} */` },
});
const script = `${code}\n`;
const integrity = `sha384-${createHash("sha384").update(script).digest("base64")}\n`;

for (const name of ["cta.js", `cta-${version}.js`]) {
  for (const [file, text] of [
    [name, script],
    [`${name}.sri`, integrity],
  ]) {
    const path = new URL(`dist/${file}`, root);
    if (!process.argv.includes("--check")) {
      writeFileSync(path, text);
    } else if (readFileSync(path, "utf8") !== text) {
      console.error(`sdk/dist/${file} is not what its source gives: run "npm run build" in sdk/`);
      process.exitCode = 1;
    }
  }
}
