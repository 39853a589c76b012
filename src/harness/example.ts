/**
 * The examples and their `example.json`: what is played on both twins and what must hold of the answers.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

/** The folder of the examples, absolute. */
export const EXAMPLES = path.resolve(import.meta.dirname, "../../examples");

/** The two programs of an example. */
export const TWINS = ["python", "typescript"] as const;
export type Twin = (typeof TWINS)[number];

const Mask = z.strictObject({
  /** A regular expression; every match in an answer's body is replaced before twins are compared. */
  pattern: z.string().min(1),
  replacement: z.string(),
  /** Why the matched text may differ between two runs. */
  reason: z.string().min(10),
});

const Step = z.strictObject({
  name: z.string().min(1),
  method: z.enum(["GET", "POST", "PUT", "DELETE"]).default("GET"),
  /**
   * Path and query. `{instance:FILE}` stands for the Orthanc id of a file named in `instances`,
   * `{NAME}` for what an earlier step has captured under that name.
   */
  path: z.string().startsWith("/"),
  /** A JSON body to send. */
  body: z.json().optional(),
  /** How many of this request are sent at once. */
  calls: z.int().min(1).max(8).default(1),
  /** The request is repeated, once every 200 ms, until the answer's JSON body has these members. */
  until: z.record(z.string(), z.json()).optional(),
  /** Members of the answer's JSON body to remember for later paths: name to member. */
  capture: z.record(z.string(), z.string()).optional(),
  /** The step that makes one such call alone: the page draws both on one time axis. */
  comparedWith: z.string().optional(),
  expect: z.strictObject({
    status: z.int().min(100).max(599),
    contentType: z.string().optional(),
    /** The whole body, as text, after the masks. */
    body: z.string().optional(),
    /**
     * How the calls of this step relate to the one in `comparedWith`:
     * `in turn`: all of them together last nearly as long as that many single calls;
     * `side by side`: they last far shorter than that.
     */
    together: z.enum(["in turn", "side by side"]).optional(),
  }),
});

/** The variations that are played of an example's requests: `variations.ts` makes them. */
const Variations = z.strictObject({
  /** The steps whose requests are varied, by name; without them, all on the example's own routes that it serves. */
  steps: z.array(z.string()).min(1).optional(),
  /** Texts that are replaced in the twins' files so that a request costs little: file to text to replacement. */
  smaller: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** The variations that the twins may answer differently. One that they answer alike is a mistake. */
  differences: z
    .array(
      z.strictObject({
        /** Its name, such as `with a query string`. */
        variation: z.string().min(1),
        /** The step that it is a variation of; any without it. */
        step: z.string().optional(),
        reason: z.string().min(30),
      }),
    )
    .default([]),
});

const ExampleFile = z.strictObject({
  title: z.string().min(1),
  /** What the example shows, in one sentence. */
  summary: z.string().min(1),
  /** The page that tells of it. */
  page: z.string().startsWith("/"),
  /** The original chapter's facts that it shows, by number. */
  facts: z.array(z.int().positive()).min(1),
  /** Test files of pydicom that are stored in Orthanc before the first step. */
  instances: z.array(z.string()).default([]),
  /** The routes that the bridge gives to the TypeScript twin; the Python twin registers them itself. */
  routes: z.array(z.string().startsWith("/")).min(1),
  steps: z.array(Step).min(1),
  /** A regular expression for an answer's body; its group is how long the work itself took, in seconds. */
  worked: z.string().optional(),
  masks: z.array(Mask).default([]),
  variations: Variations.prefault({}),
});

export type Step = z.infer<typeof Step>;
export type Mask = z.infer<typeof Mask>;
export type Example = z.infer<typeof ExampleFile> & { id: string; folder: string };

/** A mistake in an `example.json`: which file, which field, why. */
export class ExampleError extends Error {
  override name = "ExampleError";
}

/** The ids of all examples, sorted: every folder below `examples/` that has an `example.json`. */
export async function exampleIds(): Promise<string[]> {
  const entries = await readdir(EXAMPLES, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.name === "example.json")
    .map((entry) => path.relative(EXAMPLES, entry.parentPath))
    .sort();
}

/**
 * Reads one example.
 * @param id the name of its folder
 * @throws ExampleError where there is no such example (it names those there are), or where its file is not valid
 */
export async function readExample(id: string): Promise<Example> {
  const ids = await exampleIds();
  if (!ids.includes(id)) {
    throw new ExampleError(`There is no example "${id}". The examples are: ${ids.join(", ")}.`);
  }
  const folder = path.join(EXAMPLES, id);
  const file = path.join(folder, "example.json");
  return {
    id,
    folder,
    ...parseExample(await readFile(file, "utf8"), `examples/${id}/example.json`),
  };
}

/** The example with another number of calls at once, in each step that makes more than one. */
export function withCalls(example: Example, calls: number): Example {
  const steps = example.steps.map((step): Step => {
    if (step.calls === 1) return step;
    const { together, ...expect } = step.expect;
    // One call alone is neither in turn with others nor side by side.
    return { ...step, calls, expect: calls === 1 ? expect : step.expect };
  });
  return { ...example, steps };
}

/**
 * Checks the text of an `example.json`.
 * @param file its name, for messages
 * @throws ExampleError with a line for each mistake: file, field, reason
 */
export function parseExample(text: string, file: string): z.infer<typeof ExampleFile> {
  return parse(ExampleFile, text, file);
}

/**
 * Checks a JSON text against a schema.
 * @param file its name, for messages
 * @throws ExampleError with a line for each mistake: file, field, reason
 */
export function parse<T>(schema: z.ZodType<T>, text: string, file: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ExampleError(`${file}: is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      (issue) => `${file}: ${z.core.toDotPath(issue.path) || "(whole file)"}: ${issue.message}`,
    );
    throw new ExampleError(lines.join("\n"));
  }
  return parsed.data;
}
