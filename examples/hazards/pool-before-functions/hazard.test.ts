import path from "node:path";
import { expect, test } from "vitest";
import { readHazard } from "../../../src/harness/hazard.ts";
import { endAfterEachTest } from "../../../src/harness/live.ts";
import { readTwinFiles, startTwin } from "../../../src/harness/twin.ts";
import type { Orthanc } from "../../../src/orthanc/server.ts";

const ended = endAfterEachTest();
/** Far less than the program's deadline, in milliseconds. */
const SOON = 15_000;

/** Starts the fixed TypeScript program, changed. */
async function startChanged(file: string, change: (text: string) => string) {
  const { folder, routes } = await readHazard("hazards/pool-before-functions");
  const program = { folder: path.join(folder, "mended"), routes, instances: [] };
  const text = (await readTwinFiles(program, "typescript"))[file] as string;
  return ended(await startTwin(program, "typescript", { edited: { [file]: change(text) } }));
}

async function expectErrors(orthanc: Orthanc) {
  for (let call = 0; call < 3; call++) {
    const signal = AbortSignal.timeout(SOON);
    expect((await orthanc.request("/computation", { signal })).status).toBe(500);
  }
}

test("without the file, each call ends at once, and the log names the file", async () => {
  const orthanc = await startChanged("plugin.ts", (text) =>
    text.replace("./worker.ts", "./missing.ts"),
  );
  await expectErrors(orthanc);
  expect(await orthanc.log()).toMatch(/Cannot find module .*missing\.ts/);
});

test("if the file exports nothing, each call ends at once, and the log says so", async () => {
  const orthanc = await startChanged("worker.ts", (text) => text.replace("export default ", ""));
  await expectErrors(orthanc);
  expect(await orthanc.log()).toContain("No handler function exported");
});
