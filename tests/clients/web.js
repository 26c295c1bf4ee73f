// OpenFeature's web SDK with its OFREP provider, as a page would use it; bundled for the browser.
import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

window.cta = {
  changes: 0,
  async start({ url, key, context }) {
    await OpenFeature.setContext(context);
    const client = OpenFeature.getClient();
    client.addHandler(ProviderEvents.ConfigurationChanged, () => (window.cta.changes += 1));
    const headers = [["Authorization", `Bearer ${key}`]];
    await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: url, headers }));
  },
  setContext: (context) => OpenFeature.setContext(context),
  details: (slot) => OpenFeature.getClient().getObjectDetails(slot, { text: "own" }),
};
