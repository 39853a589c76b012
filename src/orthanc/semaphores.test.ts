import { existsSync, statSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { type Orthanc, startOrthanc } from "./server.ts";

let started: Orthanc[] = [];

afterEach(async () => {
  await Promise.all(started.map((orthanc) => orthanc.stop()));
  started = [];
});

/**
 * Starts an Orthanc whose plugin makes a named semaphore and keeps it open, as a pool does that spawns its workers:
 * then no resource tracker knows of it.
 */
async function startWithSemaphore() {
  const orthanc = await startOrthanc({
    script: "plugin.py",
    files: {
      "plugin.py": `
import _multiprocessing, os
name = f"/mp-test-{os.getpid()}"
semaphore = _multiprocessing.SemLock(1, 1, 1, name, False)
print("semaphore: /dev/shm/sem." + name[1:])
`,
    },
  });
  started.push(orthanc);
  const file = /semaphore: (.*)/.exec(await orthanc.log())?.[1] ?? "";
  expect(existsSync(file)).toBe(true);
  return { orthanc, file };
}

test("a killed Orthanc leaves no semaphore, and takes none of another Orthanc's", async () => {
  const first = await startWithSemaphore();
  const second = await startWithSemaphore();
  await first.orthanc.kill();
  expect(existsSync(first.file)).toBe(false);
  // It is younger than the first one's guard.
  expect(existsSync(second.file)).toBe(true);
  await second.orthanc.stop();
  expect(existsSync(second.file)).toBe(false);
});

test("a semaphore from before an Orthanc started is none of its", async () => {
  const old = await startWithSemaphore();
  const { ino } = statSync(old.file);
  const young = await startWithSemaphore();
  // Its maker is killed without a guard's help, and so has lost it.
  await old.orthanc.restart().catch(() => {});
  expect(statSync(old.file).ino).toBe(ino);
  await young.orthanc.stop();
  expect(statSync(old.file).ino).toBe(ino);
  await old.orthanc.stop();
  expect(existsSync(old.file)).toBe(false);
});
