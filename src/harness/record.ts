/** Recorded runs: what the site shows, under `static/runs/`. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EXAMPLES, type Example } from "./example.ts";
import type { RecordedRun } from "./run.ts";

const RUNS = path.resolve(import.meta.dirname, "../../static/runs");

/** A recorded run is missing, is out of date, or would hold a secret. */
export class RecordError extends Error {
  override name = "RecordError";
}

/**
 * Reads an example's recorded run.
 * @throws RecordError where there is none, or where the example's files have changed since
 */
export async function readRecord(example: Example): Promise<RecordedRun> {
  const text = await readFile(fileOf(example), "utf8").catch(() => undefined);
  const mend = `Run: npm run record -- ${example.id}`;
  if (text === undefined) throw new RecordError(`${example.id} has no recorded run. ${mend}`);
  const record = JSON.parse(text) as RecordedRun;
  if (record.sources !== (await sourcesHash(example))) {
    throw new RecordError(`${example.id} has changed since its run was recorded. ${mend}`);
  }
  return record;
}

/**
 * Writes a run as the example's record.
 * @throws RecordError where a secret or a token is in it: nothing is written then
 */
export async function writeRecord(
  example: Example,
  run: Omit<RecordedRun, "sources">,
): Promise<string> {
  const record: RecordedRun = { ...run, sources: await sourcesHash(example) };
  const text = `${JSON.stringify(record, null, 2)}\n`;
  if (/\b(Bearer|Basic) [\w+/=-]{16,}/.test(text)) {
    throw new RecordError(`A token or password is in an answer of ${example.id}: not recorded.`);
  }
  await mkdir(RUNS, { recursive: true });
  await writeFile(fileOf(example), text);
  return path.relative(process.cwd(), fileOf(example));
}

function fileOf(example: Example): string {
  return path.join(RUNS, `${example.id}.json`);
}

/** SHA-256 over the names and texts of what makes an example run: its own files, the bridge, the pool. */
async function sourcesHash(example: Example): Promise<string> {
  const hash = createHash("sha256");
  for (const folder of [
    example.folder,
    path.join(EXAMPLES, "bridge"),
    path.join(EXAMPLES, "pool"),
  ]) {
    const names = (await readdir(folder)).filter((name) => /\.(py|ts|json)$/.test(name));
    for (const name of names.filter((name) => !name.endsWith(".test.ts")).sort()) {
      hash.update(`${name}\n`).update(await readFile(path.join(folder, name)));
    }
  }
  return hash.digest("hex");
}
