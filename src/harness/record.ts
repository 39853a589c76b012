/** Reads and writes the records under `static/runs/`, which the site shows. */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { EXAMPLES, type Scenario } from "../catalogue/catalogue.ts";
import type { RecordedScenario, RecordOrigin } from "../protocol/record.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { redact } from "./redact.ts";

type Recordable = Pick<Scenario, "id" | "folder">;

const RUNS = path.resolve(import.meta.dirname, "../../static/runs");

/** A record is missing or out of date, or would contain a secret. */
export class RecordError extends Error {
  override name = "RecordError";
}

/**
 * Reads a record.
 * @throws RecordError if there is none, or if the files have changed since
 */
export async function readRecord(scenario: Recordable): Promise<RecordedScenario> {
  const { id } = scenario;
  const text = await readFile(recordPath(id), "utf8").catch(() => undefined);
  const hint = `Run: npm run record -- ${id}`;
  if (text === undefined) throw new RecordError(`${id} has no recorded run. ${hint}`);
  const record = JSON.parse(text) as RecordedScenario;
  if (record.sources !== (await sourcesHash(scenario))) {
    throw new RecordError(`${id} has changed since its run was recorded. ${hint}`);
  }
  return record;
}

/**
 * Writes a record.
 * @returns the file's path
 * @throws RecordError if it contains a secret or a token; nothing is written then
 */
export async function writeRecord(
  scenario: Recordable,
  origin: RecordOrigin,
  runs: ProgramRun[],
): Promise<string> {
  const { id } = scenario;
  const sources = await sourcesHash(scenario);
  const record: RecordedScenario = { scenario: id, ...origin, runs, sources };
  const text = `${JSON.stringify(record, null, 2)}\n`;
  if (redact(text) !== text) {
    throw new RecordError(`A token or password is in an answer of ${id}: not recorded.`);
  }
  const file = recordPath(id);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return path.relative(process.cwd(), file);
}

function recordPath(id: string): string {
  return path.join(RUNS, `${id}.json`);
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
