/** Reads HTTP answers, and keeps the parts that are compared. */
import { formatCount } from "../format/numbers.ts";
import type { Answer } from "../protocol/run.ts";
import { redact } from "./redact.ts";

/** The maximum size of an answer's body, and of the log of a twin, in bytes. */
export const OUTPUT_LIMIT = 1_000_000;

/** Headers that are not compared: about the connection, the length of the body, and the time. */
const IGNORED = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/**
 * Reads the body of an answer.
 * @throws Error if it has more than 1 MB
 */
export async function readBody(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > OUTPUT_LIMIT) {
      throw new Error(`its body has more than ${formatCount(OUTPUT_LIMIT)} bytes`);
    }
  }
  return Buffer.concat(chunks).toString();
}

/**
 * Makes an `Answer`, without the secrets.
 * @param headers names and values; a name may occur more than once
 */
export function toAnswer(
  status: number,
  headers: Iterable<[string, string]>,
  body: string,
  secrets: string[],
): Answer {
  const joined: Record<string, string> = {};
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    joined[key] = key in joined ? `${joined[key]}, ${value}` : value;
  }
  const compared = Object.entries(joined)
    .filter(([name]) => !IGNORED.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const clean = compared.map(([name, value]) => [name, redact(value, secrets)] as const);
  const text = redact(body, secrets);
  const secret = text !== body || compared.some(([, value], index) => value !== clean[index]?.[1]);
  return {
    status,
    contentType: (joined["content-type"] ?? "").split(";")[0] ?? "",
    ...(clean.length > 0 && { headers: Object.fromEntries(clean) }),
    body: text,
    ...(secret && { secret }),
  };
}
