import { expect, test } from "vitest";
import { useOrthancs } from "../../../src/testing/useOrthancs.ts";

const { startHazard } = useOrthancs();
const SOON = { timeout: 20_000, interval: 100 };

/** Starts the fixed TypeScript program after a change. */
const startChanged = (file: string, change: (text: string) => string) =>
  startHazard("hazards/pool-before-functions", "mended", "typescript", (files) => ({
    [file]: change(files[file] as string),
  }));

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
