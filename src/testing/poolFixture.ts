/** The plugins of `examples/pool/fixtures`, whose workers run tasks for tests. */
import path from "node:path";
import { EXAMPLES } from "../catalogue/catalogue.ts";
import type { Files } from "../catalogue/files.ts";
import { startProgram } from "../harness/program.ts";
import type { Release } from "../orthanc/installation.ts";
import type { Orthanc } from "../orthanc/server.ts";
import type { Language } from "../protocol/programs.ts";

/** An answer of the plugin. */
export interface Answer {
  status: number;
  value?: { nonce?: string; worker: number };
  error?: string;
}

/** Starts a plugin with two workers; four calls may wait, for five seconds each. Its files may be edited. */
export function startFixture(
  language: Language,
  release?: Release,
  edited?: Files,
): Promise<Orthanc> {
  const folder = path.join(EXAMPLES, "pool/fixtures");
  const program = { folder, language, routes: ["/run/([a-z]+)"], instances: [] };
  return startProgram(program, { release, edited });
}

/** Makes a worker run a task of the fixture. */
export async function run(
  orthanc: Orthanc,
  task: string,
  parameters: Record<string, string | number> = {},
): Promise<Answer> {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const answer = await orthanc.request(`/run/${task}?${query.join("&")}`);
  return { status: answer.status, ...((await answer.json()) as object) };
}

/** Makes a worker sleep that many seconds; its answer has the nonce. */
export function sleep(
  orthanc: Orthanc,
  seconds: number,
  deadline = 10,
  nonce = "",
): Promise<Answer> {
  return run(orthanc, "sleep", { seconds, deadline, nonce });
}
