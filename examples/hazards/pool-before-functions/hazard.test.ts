import { expect, test } from "vitest";
import type { Orthanc } from "../../../src/orthanc/server.ts";
import { useOrthancs } from "../../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();
/** Far less than the program's deadline, in milliseconds. */
const SOON = 15_000;

/** Starts the fixed TypeScript program after a change. */
const startChanged = (file: string, change: (text: string) => string) =>
  startExample("hazards/pool-before-functions", "fixed typescript", {
    edited: (files) => ({ [file]: change(files[file] as string) }),
  });

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
