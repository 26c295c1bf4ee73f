// OpenFeature's server SDK with its OFREP provider: {url, key, slot, contexts} in, details out.
import { readFileSync } from "node:fs";
import { OpenFeature } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";

const { url, key, slot, contexts } = JSON.parse(readFileSync(0, "utf8"));
await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: url, headers: [["Authorization", `Bearer ${key}`]] }),
);
const client = OpenFeature.getClient();
const details = [];
for (const context of contexts) details.push(await client.getObjectDetails(slot, { text: "own" }, context));
process.stdout.write(JSON.stringify(details));
await OpenFeature.close();
