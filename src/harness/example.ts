/** The examples and their `example.json`: the steps that are played on both twins, and the expected answers. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";

/** The folder of the examples, absolute. */
export const EXAMPLES = path.resolve(import.meta.dirname, "../../examples");

const Mask = z.strictObject({
  /** A regular expression; each match in an answer's body is replaced before the twins are compared. */
  pattern: z.string().min(1),
  replacement: z.string(),
  /** The reason why the matched text may differ between two runs. */
  reason: z.string().min(10),
});

const Step = z.strictObject({
  name: z.string().min(1),
  method: z.enum(["GET", "POST", "PUT", "DELETE"]).default("GET"),
  /**
   * Path and query. `{instance:FILE}` stands for the Orthanc id of a file named in `instances`,
   * `{NAME}` for a value that an earlier step has captured under that name.
   */
  path: z.string().startsWith("/"),
  /** A JSON body to send. */
  body: z.json().optional(),
  /** The number of these requests that are sent at once. */
  calls: z.int().min(1).max(8).default(1),
  /** The request is repeated every 200 ms until the answer's JSON body has these members. */
  until: z.record(z.string(), z.json()).optional(),
  /** Members of the answer's JSON body that later paths refer to: name to member. */
  capture: z.record(z.string(), z.string()).optional(),
  /** The step that makes one such call alone: the page draws both on one time axis. */
  comparedWith: z.string().optional(),
  expect: z.strictObject({
    status: z.int().min(100).max(599),
    contentType: z.string().optional(),
    /** The whole body, as text, after the masks. */
    body: z.string().optional(),
    /**
     * The concurrency of the calls of this step, compared with the single call of the step in `comparedWith`:
     * `in turn`: together, they take nearly as long as that many single calls;
     * `side by side`: they take much less time than that.
     */
    together: z.enum(["in turn", "side by side"]).optional(),
  }),
});

/** Options for the variations of an example's requests, which `variations.ts` makes. */
const Variations = z.strictObject({
  /** The names of the steps whose requests are varied; by default, all that the example's own routes serve. */
  steps: z.array(z.string()).min(1).optional(),
  /** Texts to replace in the twins' files so that a request takes little time: file to text to replacement. */
  smaller: z.record(z.string(), z.record(z.string(), z.string())).default({}),
  /** The variations that the twins answer differently. A variation that they answer in the same way is an error. */
  differences: z
    .array(
      z.strictObject({
        /** The name of the variation, such as `with a query string`. */
        variation: z.string().min(1),
        /** The step that is varied; by default, any. */
        step: z.string().optional(),
        reason: z.string().min(30),
      }),
    )
    .default([]),
});

const ExampleFile = z.strictObject({
  /** The idea of the example, in one sentence. */
  summary: z.string().min(1),
  /** The page that explains it. */
  page: z.string().startsWith("/"),
  /** The test files of pydicom that are stored in Orthanc before the first step. */
  instances: z.array(z.string()).default([]),
  /** The routes that the bridge forwards to the TypeScript twin; the Python twin registers them itself. */
  routes: z.array(z.string().startsWith("/")).min(1),
  steps: z.array(Step).min(1),
  /** A regular expression for an answer's body; its group is the duration of the work itself, in seconds. */
  worked: z.string().optional(),
  masks: z.array(Mask).default([]),
  variations: Variations.prefault({}),
});

export type Step = z.infer<typeof Step>;
export type Mask = z.infer<typeof Mask>;
export type Example = z.infer<typeof ExampleFile> & { id: string; folder: string };

/** There is no such example, or its `example.json` is invalid: the message names file, field and reason. */
export class ExampleError extends Error {
  override name = "ExampleError";
}

/** Lists the ids of all examples, sorted: the folders below `examples/` that contain an `example.json`. */
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
 * @throws ExampleError if there is no such example (it lists all examples), or if its file is invalid
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

/** Returns the example with another number of calls at once in each step that makes more than one. */
export function withCalls(example: Example, calls: number): Example {
  const steps = example.steps.map((step): Step => {
    if (step.calls === 1) return step;
    const { together, ...expect } = step.expect;
    // A single call has no concurrency to check.
    return { ...step, calls, expect: calls === 1 ? expect : step.expect };
  });
  return { ...example, steps };
}

/**
 * Checks the text of an `example.json`.
 * @param file its name, for messages
 * @throws ExampleError with a line for each error: file, field, reason
 */
export function parseExample(text: string, file: string): z.infer<typeof ExampleFile> {
  return parse(ExampleFile, text, file);
}

/**
 * Checks a JSON text against a schema.
 * @param file its name, for messages
 * @throws ExampleError with a line for each error: file, field, reason
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
