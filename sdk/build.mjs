/**
 * Builds dist/cta.js and, beside it, the sha384 integrity value that a page can pin; and the same
 * two under the version's own name, which stays when later versions come.
 * `--check` builds in memory and fails if the committed files are not what the source gives.
 * `--package` builds what npm publishes beside dist/cta.js: lib/, and the licence.
 */

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { minify } from "terser";

const root = new URL(".", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
const MORE = `cta-more-${version}.js`;
// Names of our own records (Cta, kit), shared with neither the DOM nor the service; the same in
// both files.
const OWN = [
  "element|holder|flag|destination|memory|isHeld|isMarked|isLost|seenIn|wasClicked|nRewrites",
  "listeners|mayTell|act|currentVisitor|roots|isFresh|controlOf|textsOf|canFill|isKnown",
  "destinationOf|mayRefill|listen|attend|watch|mutated|consented|tell|report|sell|given|soon|scan",
  "bare|changed|ctas|undress|wordingOf|isIntact|newTextIn|lookAround|present|traits|recall|store|uuid7",
  "cookieId|setCookie",
].join("|");
// The one list of bots, of snippet and service, as an expression of JavaScript.
const bots = {
  name: "bots",
  setup: ({ onLoad }) =>
    onLoad({ filter: /crawler_words\.json$/ }, ({ path }) => ({
      contents: `export default /${JSON.parse(readFileSync(path, "utf8"))}/i`,
    })),
};
const shared = {
  absWorkingDir: root.pathname,
  bundle: true,
  target: "es2022",
  charset: "utf8",
  mangleProps: new RegExp(`^(${OWN})$`),
  define: { MORE: JSON.stringify(MORE) },
  plugins: [bots],
  legalComments: "none",
};

/** @returns {Promise<Record<string, string>>} the two scripts by their names */
async function buildScripts() {
  let mangleCache = {};
  const scripts = {};
  for (const [name, source, format] of [
    ["cta.js", "src/script.js", "iife"],
    [MORE, "src/more/index.js", "esm"],
  ]) {
    const built = await build({
      ...shared,
      mangleCache,
      entryPoints: [source],
      minify: true,
      format,
      write: false,
    });
    mangleCache = built.mangleCache;
    // Terser inlines what is called once: 4 % less after compression.
    const { code } = await minify(built.outputFiles[0].text, {
      ecma: 2022,
      module: format === "esm",
      toplevel: true,
      compress: {
        passes: 3,
        if_return: false,
        hoist_funs: true,
        pure_getters: true,
        unsafe_arrows: true,
        lhs_constants: false,
      },
    });
    scripts[name] = `${code}\n`;
  }
  return scripts;
}

/** Readable: who bundles it minifies it. */
async function buildPackage() {
  for (const [format, outfile] of [
    ["esm", "lib/index.js"],
    ["cjs", "lib/index.cjs"],
  ])
    await build({ ...shared, entryPoints: ["src/package.js"], format, outfile });
  // TypeScript tells modules from CommonJS by the name. The names of the page are declared once,
  // for projects that have both.
  copyFileSync(new URL("cta.d.ts", root), new URL("lib/index.d.cts", root));
  writeFileSync(new URL("lib/index.d.ts", root), 'export * from "./index.cjs";\n');
  copyFileSync(new URL("../LICENSE", root), new URL("LICENSE", root));
}

function writeOrCheck({ "cta.js": script, [MORE]: more }) {
  for (const [name, content] of [
    ["cta.js", script],
    [`cta-${version}.js`, script],
    [MORE, more],
  ]) {
    const integrity = `sha384-${createHash("sha384").update(content).digest("base64")}\n`;
    for (const [file, text] of [
      [name, content],
      [`${name}.sri`, integrity],
    ]) {
      const path = new URL(`dist/${file}`, root);
      if (!process.argv.includes("--check")) {
        writeFileSync(path, text);
      } else if (!existsSync(path) || readFileSync(path, "utf8") !== text) {
        console.error(`sdk/dist/${file} is not what its source gives: run "npm run build" in sdk/`);
        process.exitCode = 1;
      }
    }
  }
}

if (process.argv.includes("--package")) await buildPackage();
else writeOrCheck(await buildScripts());
