// Evaluates a payload with GrowthBook's JavaScript SDK: {payload, visitors, slots} in, answers out.
import { readFileSync } from "node:fs";
import { GrowthBook } from "@growthbook/growthbook";

const { payload, visitors, slots } = JSON.parse(readFileSync(0, "utf8"));
const answers = visitors.map((attributes) => {
  const sdk = new GrowthBook().initSync({ payload });
  sdk.setAttributes(attributes);
  const found = slots.map((slot) => {
    const { value, experiment, experimentResult } = sdk.evalFeature(slot);
    return [experiment?.key ?? null, experimentResult?.key ?? "default", value];
  });
  sdk.destroy();
  return found;
});
process.stdout.write(JSON.stringify(answers));
