// GrowthBook's SDK as a page or server starts it, by network: {url, key, slot, visitors} in, arms out.
import { readFileSync } from "node:fs";
import { GrowthBook } from "@growthbook/growthbook";

const { url, key, slot, visitors } = JSON.parse(readFileSync(0, "utf8"));
const arms = [];
for (const attributes of visitors) {
  const sdk = new GrowthBook({ apiHost: url, clientKey: key, attributes });
  const { success, source } = await sdk.init();
  const { value, experimentResult } = sdk.evalFeature(slot);
  arms.push({ success, source, variant: experimentResult?.key ?? "default", value });
  sdk.destroy();
}
process.stdout.write(JSON.stringify(arms));
