/**
 * Twins that are broken on purpose, to see whether the harness notices: each is a small change of a program's text,
 * with what must notice it. `mutations.json` has them, and a page shows them.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { parse } from "./example.ts";

/** What notices a broken program. */
const Check = z.enum(["expectation", "comparison", "variations", "limit", "hazard", "end"]);

const Mutation = z.strictObject({
  /** What is broken, in a few words. */
  what: z.string().min(1),
  /** An example, or a hazard whose fixed program is meant. */
  id: z.string().min(1),
  /** The file that is changed, such as `plugin.py`. */
  file: z.string().regex(/\.(py|ts)$/),
  /** Text to replacement; each text is in the file exactly once. */
  replace: z.record(z.string(), z.string()),
  /** The example's steps that are played; without it, all of them. */
  steps: z.array(z.string()).min(1).optional(),
  caughtBy: Check,
  /** A part of the sentence that reports it. */
  report: z.string().min(1),
  /** It is tried by every `npm test`; the others by `npm run soak` alone. */
  short: z.boolean().default(false),
});

const MutationsFile = z.strictObject({
  /** Each check in words, for the page. */
  checks: z.record(Check, z.string().min(1)),
  mutations: z.array(Mutation),
});

export type Mutation = z.infer<typeof Mutation>;
export type MutationsFile = z.infer<typeof MutationsFile>;

const FILE = path.join(import.meta.dirname, "mutations.json");

/**
 * Reads all mutations.
 * @throws ExampleError if one is not valid: file, field and reason
 */
export async function readMutations(): Promise<Mutation[]> {
  const text = await readFile(FILE, "utf8");
  return parse(MutationsFile, text, "src/harness/mutations.json").mutations;
}
