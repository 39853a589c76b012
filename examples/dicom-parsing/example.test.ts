import { once } from "node:events";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import path from "node:path";
import { expect, test } from "vitest";
import { workers } from "../../src/harness/workers.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

/**
 * Of pydicom's test files, those on which the two parsers may differ, with the reason. They are broken on
 * purpose, or compressed as a whole.
 */
const PARSERS_DIFFER: Record<string, string> = {
  "badVR.dcm": "pydicom refuses a number of frames that is not a number",
  "image_dfl.dcm": "dicom-parser reads three elements too many out of a deflated file's preamble",
  "SC_rgb_jpeg.dcm": "dicom-parser refuses its odd value representation",
  "MR_truncated.dcm": "dicom-parser refuses a file that ends early",
  "rtplan_truncated.dcm": "dicom-parser refuses a file that ends early",
};

/** Of its files with names in various scripts, those whose names the dumps show differently, with the reason. */
const NAMES_DIFFER: Record<string, string> = {
  "chrH32.dcm": "TextDecoder knows no half-width katakana beside kanji",
  "chrX1.dcm": "pydicom drops an empty group at the end of a name",
  "chrX2.dcm": "pydicom drops an empty group at the end of a name",
};

const { startExample } = useOrthancs();

const start = (twin: Language, configuration: Record<string, unknown> = {}) =>
  startExample("dicom-parsing", twin, { configuration });

async function summary(orthanc: Orthanc, instance: string | undefined) {
  const answer = await orthanc.request(`/dicom-summary/${instance}`);
  return { status: answer.status, body: await answer.json() };
}

async function instances(orthanc: Orthanc): Promise<string[]> {
  return (await orthanc.request("/instances")).json() as Promise<string[]>;
}

/** The files in Orthanc's storage, without its index. */
async function storedFiles({ folder }: Orthanc): Promise<string[]> {
  const storage = path.join(folder, "storage");
  const entries = await readdir(storage, { recursive: true, withFileTypes: true });
  const stored = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("index"));
  return stored.map(({ parentPath, name }) => path.join(parentPath, name));
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

test("both twins show names in the common character sets alike", async () => {
  const [python, typescript] = await Promise.all([start("python"), start("typescript")]);
  const folder = path.join(python.installation.testFiles, "../charset_files");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".dcm"));
  const compared: string[] = [];
  const differing: string[] = [];
  for (const file of files) {
    const body = await readFile(path.join(folder, file));
    const [one, other] = await Promise.all([names(python, body), names(typescript, body)]);
    if (one !== "") compared.push(file);
    if (one !== other) differing.push(file);
  }
  expect(compared.length).toBeGreaterThan(12);
  expect(differing.sort()).toEqual(Object.keys(NAMES_DIFFER));
});

/** Stores a file without changes, and returns its dump. */
async function dump(orthanc: Orthanc, body: Buffer): Promise<string> {
  const stored = await orthanc.request("/instances", { method: "POST", body });
  const { ID } = (await stored.json()) as { ID: string };
  return (await orthanc.request(`/dicom-dump/${ID}`)).text();
}

/** The lines of a file's dump that show names. */
async function names(orthanc: Orthanc, body: Buffer): Promise<string> {
  return (await dump(orthanc, body)).match(/^.{12}PN .*$/gm)?.join("\n") ?? "";
}

test("a file that does not name its types: only pydicom knows them", async () => {
  const [python, typescript] = await Promise.all([start("python"), start("typescript")]);
  const body = await readFile(path.join(python.installation.testFiles, "rtdose.dcm"));
  expect(await dump(python, body)).toContain("(0008,0060) CS RTDOSE\n");
  const lines = (await dump(typescript, body)).trim().split("\n");
  expect(lines.length).toBeGreaterThan(30);
  for (const line of lines) expect(line).toMatch(/^\([0-9a-f]{4},[0-9a-f]{4}\) \?\?$/);
});

test.each(LANGUAGES)(
  "%s: a file that is too large is answered with 413, and not read",
  async (twin) => {
    const configuration = { MaximumStorageCacheSize: 0 };
    const replace = { "SIZE = 100_000_000": "SIZE = 1000" };
    const orthanc = await startExample("dicom-parsing", twin, { configuration, replace });
    const [instance] = await instances(orthanc);
    // If it were read, the answer would be 502.
    for (const file of await storedFiles(orthanc)) await rm(file);
    expect(await summary(orthanc, instance)).toEqual({
      status: 413,
      body: { error: "the file has more than 1000 bytes" },
    });
  },
);

/** Makes a worker take a second. */
const SLOWED: Record<Language, Record<string, string>> = {
  python: {
    '"""Picks a few attributes. One that the file lacks is None."""': '__import__("time").sleep(1)',
  },
  typescript: {
    "  try {\n    return read(":
      "  const end = Date.now() + 1000; while (Date.now() < end);\n  try {\n    return read(",
  },
};

test.each(LANGUAGES)(
  "%s: a file for which memory has no place is refused at once",
  async (twin) => {
    const replace = { ...SLOWED[twin], "FILES = 8": "FILES = 2" };
    const orthanc = await startExample("dicom-parsing", twin, { replace });
    const [instance] = await instances(orthanc);
    const atOnce = async (count: number) => {
      const calls = Array.from({ length: count }, () =>
        orthanc.request(`/dicom-summary/${instance}`),
      );
      const answers = await Promise.all(calls);
      for (const { status, headers } of answers)
        expect(headers.get("retry-after")).toBe(status === 503 ? "1" : null);
      return answers.map(({ status }) => status).sort();
    };
    expect(await atOnce(4)).toEqual([200, 200, 503, 503]);
    const unknown = "00000000-00000000-00000000-00000000-00000000";
    for (let count = 0; count < 3; count++)
      expect((await summary(orthanc, unknown)).status).toBe(404);
    expect(await atOnce(2)).toEqual([200, 200]);
  },
);

test.each(LANGUAGES)("%s: a file that is no DICOM any more is answered with 422", async (twin) => {
  // Orthanc would answer from its memory what it has just stored.
  const orthanc = await start(twin, { MaximumStorageCacheSize: 0 });
  const [instance] = await instances(orthanc);
  const broken = Buffer.alloc(5000, "broken");
  for (const file of await storedFiles(orthanc)) await writeFile(file, broken);
  expect(await summary(orthanc, instance)).toEqual({
    status: 422,
    body: { error: "the file can't be parsed" },
  });
});

test.each(LANGUAGES)("%s: a file that Orthanc has lost is answered with 502", async (twin) => {
  const orthanc = await start(twin, { MaximumStorageCacheSize: 0 });
  const [instance] = await instances(orthanc);
  for (const file of await storedFiles(orthanc)) await rm(file);
  expect(await summary(orthanc, instance)).toEqual({
    status: 502,
    body: { error: "Orthanc can't read the file" },
  });
});

test("python: idle workers that are killed are replaced, and no call notices it", async () => {
  const orthanc = await start("python");
  const [instance] = await instances(orthanc);
  const before = workers(orthanc);
  expect(before).toHaveLength(4);
  for (const pid of before) process.kill(pid, "SIGKILL");
  await expect.poll(() => workers(orthanc)).toEqual([]);
  const answers = await Promise.all([1, 2, 3, 4].map(() => summary(orthanc, instance)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

test.each(LANGUAGES)("%s: what is not an id never becomes part of a path", async (twin) => {
  const orthanc = await start(twin);
  const [instance = ""] = await instances(orthanc);
  expect((await summary(orthanc, `${instance}?level=9`)).status).toBe(200);
  const ids = ["..", "%2e%2e", "%3f", `${instance}%3fx`, `${instance}%23x`, "%00", "%c3%a4"];
  for (const id of ids) {
    const { statusCode } = await ask(orthanc, `/dicom-summary/${id}`);
    // Orthanc itself answers dot segments with a redirect.
    expect([id, statusCode]).toEqual([id, /^(\.|%2e)+$/.test(id) ? 301 : 404]);
  }
});

/** Asks for exactly this path: `fetch` would take dot segments out of it. */
async function ask(orthanc: Orthanc, target: string): Promise<IncomingMessage> {
  const { hostname, port } = new URL(orthanc.url);
  const auth = `${orthanc.user}:${orthanc.password}`;
  const [answer] = await once(request({ hostname, port, path: target, auth }).end(), "response");
  return answer.resume();
}
