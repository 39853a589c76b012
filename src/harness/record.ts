/** Reads and writes the records under `static/runs/`, which the site shows. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EXAMPLES } from "./example.ts";
import { redact } from "./redact.ts";

/** An example, a hazard or the access table. */
interface Recordable {
  id: string;
  folder: string;
}

/** A record contains a hash of the files that were played. */
interface Sources {
  sources: string;
}

const RUNS = path.resolve(import.meta.dirname, "../../static/runs");

/** A record is missing or out of date, or would contain a secret. */
export class RecordError extends Error {
  override name = "RecordError";
}

/**
 * Reads a record.
 * @throws RecordError if there is none, or if the files have changed since
 */
export async function readRecord<Run extends Sources>(example: Recordable): Promise<Run> {
  const text = await readFile(recordPath(example), "utf8").catch(() => undefined);
  const hint = `Run: npm run record -- ${example.id}`;
  if (text === undefined) throw new RecordError(`${example.id} has no recorded run. ${hint}`);
  const record = JSON.parse(text) as Run;
  if (record.sources !== (await sourcesHash(example))) {
    throw new RecordError(`${example.id} has changed since its run was recorded. ${hint}`);
  }
  return record;
}

/**
 * Writes a record.
 * @returns the file's path
 * @throws RecordError if it contains a secret or a token; nothing is written then
 */
export async function writeRecord(example: Recordable, run: object): Promise<string> {
  const record = { ...run, sources: await sourcesHash(example) };
  const text = `${JSON.stringify(record, null, 2)}\n`;
  if (redact(text) !== text) {
    throw new RecordError(`A token or password is in an answer of ${example.id}: not recorded.`);
  }
  await mkdir(path.dirname(recordPath(example)), { recursive: true });
  await writeFile(recordPath(example), text);
  return path.relative(process.cwd(), recordPath(example));
}

function recordPath(example: Recordable): string {
  return path.join(RUNS, `${example.id}.json`);
}

/** SHA-256 over the names and texts of the files that are played: its own, and those that are copied along. */
async function sourcesHash({ folder: own }: Recordable): Promise<string> {
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
