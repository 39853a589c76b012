import { existsSync } from "node:fs";
import { execa } from "execa";
import { expect, test } from "vitest";
import { useOrthancs } from "../testing/useOrthancs.ts";

const MODULE = new URL("./semaphores.js", import.meta.url).href;

const { startPlugin } = useOrthancs();

/**
 * Starts an Orthanc whose plugin makes a named semaphore and keeps it open, as a pool does that spawns its workers:
 * no resource tracker knows about it.
 */
async function startWithSemaphore() {
  const orthanc = await startPlugin(`
import _multiprocessing, os
name = f"/mp-test-{os.getpid()}"
semaphore = _multiprocessing.SemLock(1, 1, 1, name, False)
print("semaphore: /dev/shm/sem." + name[1:])
`);
  const file = /semaphore: (.*)/.exec(await orthanc.log())?.[1] ?? "";
  expect(existsSync(file)).toBe(true);
  return { orthanc, file };
}

test("a killed Orthanc leaves no semaphore, and takes none of another Orthanc's", async () => {
  const first = await startWithSemaphore();
  const second = await startWithSemaphore();
  await first.orthanc.kill();
  expect(existsSync(first.file)).toBe(false);
  // It is younger than the guard of the first.
  expect(existsSync(second.file)).toBe(true);
  await second.orthanc.stop();
  expect(existsSync(second.file)).toBe(false);
});

test("a semaphore that is older than an Orthanc does not belong to it", async ({ skip }) => {
  // In separate shared memory: the guards of other tests are older, and would remove both.
  const script = `
    const { removeLostSemaphores } = await import(${JSON.stringify(MODULE)});
    const { readdirSync, writeFileSync } = await import("node:fs");
    writeFileSync("/dev/shm/sem.mp-old", "");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const began = Date.now();
    writeFileSync("/dev/shm/sem.mp-young", "");
    removeLostSemaphores(began - 10);
    console.log(readdirSync("/dev/shm").join());`;
  const enter = 'mount -t tmpfs none /dev/shm && exec "$@"';
  const unshared = ["--map-root-user", "--mount", "sh", "-c"];
  const trial = await execa("unshare", [...unshared, enter, "sh", "true"], { reject: false });
  if (trial.failed) {
    const reason = `no mount namespace of a test's own: ${trial.shortMessage}`;
    console.warn(`Skipped: ${reason}`);
    skip(reason);
  }
  const node = [process.execPath, "--input-type=module", "--eval", script];
  const { stdout } = await execa("unshare", [...unshared, enter, "sh", ...node]);
  expect(stdout).toBe("sem.mp-old");
});
