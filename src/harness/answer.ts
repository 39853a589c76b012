/** What is noted of an HTTP answer. */
import type { Answer } from "./run.ts";
import { redact } from "./secrets.ts";

/** How long one answer's body, and the log of one twin, may be, in bytes. */
export const OUTPUT_LIMIT = 1_000_000;

/** Headers about the connection, the body's length and the moment, and those that Orthanc adds to any answer. */
const NOT_NOTED = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

/**
 * Reads a body.
 * @throws Error if it has more than 1 MB
 */
export async function readText(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > OUTPUT_LIMIT) {
      throw new Error(`its body has more than ${OUTPUT_LIMIT.toLocaleString("en-GB")} bytes`);
    }
  }
  return Buffer.concat(chunks).toString();
}

/**
 * What is compared of an answer, without the secrets.
 * @param headers names and values; a name may come more than once
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
  const noted = Object.entries(joined)
    .filter(([name]) => !NOT_NOTED.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const clean = noted.map(([name, value]) => [name, redact(value, secrets)] as const);
  const text = redact(body, secrets);
  const secret = text !== body || noted.some(([, value], index) => value !== clean[index]?.[1]);
  return {
    status,
    contentType: (joined["content-type"] ?? "").split(";")[0] ?? "",
    ...(clean.length > 0 && { headers: Object.fromEntries(clean) }),
    body: text,
    ...(secret && { secret }),
  };
}
