/** Recorded runs: what the site shows, under `static/runs/`. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EXAMPLES } from "./example.ts";
import { redact } from "./secrets.ts";

/** What is recorded: an example or a hazard. */
interface Recorded {
  id: string;
  folder: string;
}

/** What every record has: a hash of the files that it belongs to. */
interface Sources {
  sources: string;
}

const RUNS = path.resolve(import.meta.dirname, "../../static/runs");

/** A recorded run is missing, is out of date, or would hold a secret. */
export class RecordError extends Error {
  override name = "RecordError";
}

/**
 * Reads the record of an example or a hazard.
 * @throws RecordError where there is none, or where the files have changed since
 */
export async function readRecord<Run extends Sources>(example: Recorded): Promise<Run> {
  const text = await readFile(fileOf(example), "utf8").catch(() => undefined);
  const mend = `Run: npm run record -- ${example.id}`;
  if (text === undefined) throw new RecordError(`${example.id} has no recorded run. ${mend}`);
  const record = JSON.parse(text) as Run;
  if (record.sources !== (await sourcesHash(example))) {
    throw new RecordError(`${example.id} has changed since its run was recorded. ${mend}`);
  }
  return record;
}

/**
 * Writes what was seen as the record of an example or a hazard.
 * @returns the file's path
 * @throws RecordError where a secret or a token is in it: nothing is written then
 */
export async function writeRecord(example: Recorded, run: object): Promise<string> {
  const record = { ...run, sources: await sourcesHash(example) };
  const text = `${JSON.stringify(record, null, 2)}\n`;
  if (redact(text) !== text) {
    throw new RecordError(`A token or password is in an answer of ${example.id}: not recorded.`);
  }
  await mkdir(path.dirname(fileOf(example)), { recursive: true });
  await writeFile(fileOf(example), text);
  return path.relative(process.cwd(), fileOf(example));
}

function fileOf(example: Recorded): string {
  return path.join(RUNS, `${example.id}.json`);
}

/** SHA-256 over the names and texts of what makes it run: its own files, and those that are copied along. */
async function sourcesHash({ folder: own }: Recorded): Promise<string> {
  const hash = createHash("sha256");
  const shared = ["bridge", "pool", "routes", "undici"].map((name) => path.join(EXAMPLES, name));
  for (const folder of [own, ...shared]) {
    const names = (await readdir(folder, { recursive: folder === own })).filter((name) =>
      /(?<!\.test)\.(py|ts|json)$/.test(name),
    );
    for (const name of names.sort()) {
      hash.update(`${name}\n`).update(await readFile(path.join(folder, name)));
    }
  }
  return hash.digest("hex");
}
