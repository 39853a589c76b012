/** Checks JSON files that people write. */
import * as z from "zod";

/** A scenario does not exist, or its file is invalid: the message names file, field and reason. */
export class ScenarioError extends Error {
  override name = "ScenarioError";
}

/**
 * Checks a JSON text against a schema.
 * @param file its name, for messages
 * @throws ScenarioError with a line for each error: file, field, reason
 */
export function parse<T>(schema: z.ZodType<T>, text: string, file: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ScenarioError(`${file}: is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      (issue) => `${file}: ${z.core.toDotPath(issue.path) || "(whole file)"}: ${issue.message}`,
    );
    throw new ScenarioError(lines.join("\n"));
  }
  return parsed.data;
}
