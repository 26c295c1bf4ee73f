// Bundles a client for the browser: bundle.mjs ENTRY OUTPUT.
import { build } from "esbuild";

const [entry, output] = process.argv.slice(2);
await build({ entryPoints: [entry], outfile: output, bundle: true, minify: true, format: "iife", logLevel: "error" });
