/**
 * Programs that are broken on purpose, to test that the harness notices: each is a small change of a program's text,
 * with the check that must notice it. They are listed in `mutations.json`, and shown on a page.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";
import { parse } from "./parse.ts";

/** The checks that may notice a broken program. */
const Check = z.enum(["expectation", "comparison", "variations", "limit", "hazard", "end"]);

const Mutation = z.strictObject({
  /** The broken part, in a few words. */
  what: z.string().min(1),
  /** The scenario; of a hazard, the fixed program is changed. */
  id: z.string().min(1),
  /** The file that is changed, such as `plugin.py`. */
  file: z.string().regex(/\.(py|ts)$/),
  /** Text to replacement; each text is in the file exactly once. */
  replace: z.record(z.string(), z.string()),
  /** The example's steps that are played; by default, all of them. */
  steps: z.array(z.string()).min(1).optional(),
  caughtBy: Check,
  /** A part of the reported sentence. */
  report: z.string().min(1),
  /** The mutation is part of `npm test`; the others are only part of `npm run soak`. */
  short: z.boolean().default(false),
});

const MutationsFile = z.strictObject({
  /** A description of each check, for the page. */
  checks: z.record(Check, z.string().min(1)),
  mutations: z.array(Mutation),
});

export type Mutation = z.infer<typeof Mutation>;
export type MutationsFile = z.infer<typeof MutationsFile>;

const FILE = "src/catalogue/mutations.json";

/**
 * Reads the list of all mutations.
 * @param root the repository's folder
 * @throws ScenarioError if one is invalid: file, field and reason
 */
export async function readMutationsFile(root: string): Promise<MutationsFile> {
  return parse(MutationsFile, await readFile(path.join(root, FILE), "utf8"), FILE);
}
