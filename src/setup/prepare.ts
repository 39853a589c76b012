/**
 * Fetches what the examples need on this machine: an Orthanc and a Node; with `--browser`, also what the tests need: a Chromium,
 * and the Orthanc of another release.
 */
import ora from "ora";
import { endOnInterrupt, main } from "../cli/main.ts";
import { findNode } from "../node/node.ts";
import { findOrthanc } from "../orthanc/installation.ts";
import { findBrowser } from "./browser.ts";

endOnInterrupt();

await main(async () => {
  await fetching("Orthanc", (report) => findOrthanc({ report }));
  await fetching("Node for TypeScript programs", (report) => findNode({ report }));
  if (process.argv.includes("--browser")) {
    await fetching("Chromium", findBrowser);
    await fetching("Orthanc of trixie", (report) => findOrthanc({ release: "trixie", report }));
  }
  return 0;
});

async function fetching(
  what: string,
  find: (report: (activity: string) => void) => Promise<unknown>,
) {
  let progress: ReturnType<typeof ora> | undefined;
  try {
    await find((activity) => {
      progress ??= ora(what).start();
      progress.text = `${what}: ${activity}`;
    });
    progress?.succeed(`${what} is here`);
  } catch (error) {
    progress?.fail();
    throw error;
  }
}
