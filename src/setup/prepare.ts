/**
 * Fetches what the examples need on this machine: an Orthanc and a Node; with `--browser`, also what the tests need: a
 * Chromium, and the Orthanc of another release.
 */
import { fetchChoices, fetching } from "../cli/choices.ts";
import { endOnInterrupt, main } from "../cli/main.ts";
import { findOrthanc } from "../orthanc/installation.ts";
import { findBrowser } from "./browser.ts";

endOnInterrupt();

await main(async () => {
  await fetchChoices({});
  if (process.argv.includes("--browser")) {
    await fetching("Chromium", findBrowser);
    await fetching("Orthanc of trixie", (report) => findOrthanc({ release: "trixie", report }));
  }
  return 0;
});
