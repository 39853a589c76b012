/** What a TypeScript program has started ends with it, even if Orthanc is killed. */
import { expect, test } from "vitest";
import { workers } from "../../src/harness/workers.ts";
import { isRunning } from "../../src/linux/processes.js";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();

/** More square numbers than a program adds up in an hour. */
const ENDLESS = 1_000_000_000_000_000;

test("a child process in an endless computation ends when Orthanc is killed", async () => {
  // The parent of the child must not end it at its deadline.
  const orthanc = await startExample("hazards/signals", "fixed typescript", {
    edited: ({ "plugin.ts": text = "" }) => ({ "plugin.ts": text.replace("30_000", "3_600_000") }),
  });
  const answer = orthanc.request(`/computation?count=${ENDLESS}`).catch(() => undefined);
  await expect.poll(() => workers(orthanc), { timeout: 20_000 }).toHaveLength(1);
  const [child] = workers(orthanc) as [number];
  await orthanc.restart();
  await answer;
  await expect.poll(() => isRunning(child), { timeout: 5_000 }).toBe(false);
});
