import path from "node:path";
import { expect, test } from "vitest";
import { readHazard } from "../../../src/harness/hazard.ts";
import { endAfterEachTest } from "../../../src/harness/live.ts";
import { readTwinFiles, startTwin } from "../../../src/harness/twin.ts";

const ended = endAfterEachTest();
const SOON = { timeout: 20_000, interval: 100 };

/** Starts the mended TypeScript program, changed. */
async function startChanged(file: string, change: (text: string) => string) {
  const { folder, routes } = await readHazard("hazards/pool-before-functions");
  const program = { folder: path.join(folder, "mended"), routes, instances: [] };
  const text = (await readTwinFiles(program, "typescript"))[file] as string;
  return ended(await startTwin(program, "typescript", { edited: { [file]: change(text) } }));
}

test("a file that is not there ends Node, and the log says so", async () => {
  const orthanc = await startChanged("plugin.ts", (text) =>
    text.replace("./worker.ts", "./missing.ts"),
  );
  await expect.poll(() => orthanc.log(), SOON).toMatch(/Cannot find module .*missing\.ts/);
  await expect.poll(() => orthanc.log(), SOON).toContain("Node has ended (exit code 1)");
});

test("a file that exports nothing costs each call an answer, at once", async () => {
  const orthanc = await startChanged("worker.ts", (text) => text.replace("export default ", ""));
  for (let call = 0; call < 3; call++) {
    expect((await orthanc.request("/computation")).status).toBe(503);
  }
  expect(await orthanc.log()).toContain("No handler function exported");
});
