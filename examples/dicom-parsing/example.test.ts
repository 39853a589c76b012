import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { readExample, TWINS, type Twin } from "../../src/harness/example.ts";
import { endAfterEachTest } from "../../src/harness/live.ts";
import { descendants } from "../../src/harness/processes.ts";
import { startTwin } from "../../src/harness/twin.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";

/**
 * Of pydicom's test files, those on which the two parsers may differ, with the reason. They are broken on
 * purpose, or compressed as a whole.
 */
const PARSERS_DIFFER: Record<string, string> = {
  "badVR.dcm": "pydicom refuses a number of frames that is no number",
  "image_dfl.dcm": "dicom-parser reads three elements too many out of a deflated file's preamble",
  "SC_rgb_jpeg.dcm": "dicom-parser refuses its odd value representation",
  "MR_truncated.dcm": "dicom-parser refuses a file that ends early",
  "rtplan_truncated.dcm": "dicom-parser refuses a file that ends early",
};

const ended = endAfterEachTest();

async function start(twin: Twin, configuration: Record<string, unknown> = {}): Promise<Orthanc> {
  return ended(await startTwin(await readExample("dicom-parsing"), twin, { configuration }));
}

async function summary(orthanc: Orthanc, instance: string | undefined) {
  const answer = await orthanc.request(`/dicom-summary/${instance}`);
  return { status: answer.status, body: await answer.json() };
}

async function instances(orthanc: Orthanc): Promise<string[]> {
  return (await orthanc.request("/instances")).json() as Promise<string[]>;
}

test("both twins read all of pydicom's files alike that Orthanc stores", async () => {
  const [python, typescript] = await Promise.all([start("python"), start("typescript")]);
  const folder = python.installation.testFiles;
  const files = (await readdir(folder)).filter((name) => name.endsWith(".dcm"));
  const compared: string[] = [];
  const differing: string[] = [];
  for (const file of files) {
    const before = new Set(await instances(python));
    const sent = await Promise.allSettled(
      [python, typescript].map((orthanc) => orthanc.send([path.join(folder, file)])),
    );
    const [added] = (await instances(python)).filter((instance) => !before.has(instance));
    if (!added || sent.some((result) => result.status === "rejected")) continue;
    const answers = await Promise.all([summary(python, added), summary(typescript, added)]);
    compared.push(file);
    if (JSON.stringify(answers[0]) !== JSON.stringify(answers[1])) differing.push(file);
  }
  console.log(
    `${compared.length} of ${files.length} files stored and read by both, ${differing.length} differ`,
  );
  expect(compared.length).toBeGreaterThan(20);
  expect(differing.filter((file) => !(file in PARSERS_DIFFER))).toEqual([]);
});

test.each(TWINS)("%s: a file that is no DICOM any more is answered with 422", async (twin) => {
  // Orthanc would answer from its memory what it has just stored.
  const orthanc = await start(twin, { MaximumStorageCacheSize: 0 });
  const [instance] = await instances(orthanc);
  const entries = await readdir(orthanc.storage, { recursive: true, withFileTypes: true });
  const stored = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("index"));
  for (const { parentPath, name } of stored) {
    await writeFile(path.join(parentPath, name), Buffer.alloc(5000, "broken"));
  }
  expect(await summary(orthanc, instance)).toEqual({
    status: 422,
    body: { error: "the instance's file can't be parsed" },
  });
});

test("python: a worker that is killed fails nobody for long", async () => {
  const orthanc = await start("python");
  const [instance] = await instances(orthanc);
  for (const pid of descendants(orthanc)) process.kill(pid, "SIGKILL");
  let status = 0;
  for (let attempt = 0; status !== 200 && attempt < 50; attempt++) {
    ({ status } = await summary(orthanc, instance));
    expect([200, 503]).toContain(status);
    await sleep(50);
  }
  expect(status).toBe(200);
});
