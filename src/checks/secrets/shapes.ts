/** Finds possible secrets in a text: by their shape, because only their users know the secrets themselves. */
import { hashOf } from "../../orthanc/secrets.ts";

/** A place in a text that looks like a secret. */
export interface Candidate {
  start: number;
  end: number;
  hash: string;
  /** Its shape alone is a proof: an Authorization header with a token of Orthanc. */
  certain: boolean;
}

/** The output of `makeSecret`, or longer. */
const HEX = /[0-9a-f]{64,}/g;
const HEX_LENGTH = 64;
/** Other digits may surround a secret, but hardly more than these. */
const HEX_LIMIT = 1_000;
/** The form of Orthanc's tokens. */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
/** The text before a token in a header, also in JSON or in a query. */
const BEARER = /Bearer(?:[\s"':,+]|%20|\\u0020)*$/i;
/** Long enough for a secret inside of it, such as `Basic` and a name with its password. */
const BASE64 = /[\w+/-]{48,8192}/g;

/** Finds everything in a text that may be a secret, plain or in base64. */
export function* candidatesIn(text: string): Generator<Candidate> {
  yield* plainIn(text);
  for (const { 0: run, index } of text.matchAll(BASE64)) {
    const place = { start: index, end: index + run.length };
    // Other letters may precede it; it is readable only from the right offset.
    for (let first = 0; first < 4; first++) {
      const decoded = Buffer.from(run.slice(first), "base64url").toString("latin1");
      for (const candidate of plainIn(decoded)) yield { ...candidate, ...place };
    }
  }
}

function* plainIn(text: string): Generator<Candidate> {
  for (const { 0: uuid, index } of text.matchAll(UUID)) {
    const certain = BEARER.test(text.slice(Math.max(0, index - 40), index));
    yield { start: index, end: index + uuid.length, hash: hashOf(uuid.toLowerCase()), certain };
  }
  for (const { 0: run, index } of text.matchAll(HEX)) {
    const last = index + run.length - HEX_LENGTH;
    for (let at = index; at <= last; at += run.length > HEX_LIMIT ? last - index : 1) {
      const hash = hashOf(text.slice(at, at + HEX_LENGTH));
      yield { start: at, end: at + HEX_LENGTH, hash, certain: false };
    }
  }
}

/** Hashes the token in an Authorization header's value, as `candidatesIn` does; undefined if there is none. */
export function tokenHash(header: string): string | undefined {
  const [uuid] = header.match(UUID) ?? [];
  return uuid && hashOf(uuid.toLowerCase());
}

/** Returns the line of a candidate, without the candidate and everything similar. */
export function lineAround(text: string, { start, end }: Candidate): string {
  const before = text.slice(text.lastIndexOf("\n", start) + 1, start).slice(-60);
  const after = text.slice(end).split("\n", 1)[0]?.slice(0, 40) ?? "";
  const hidden = (part: string) => part.replace(/[\w+/-]{32,}/g, "…");
  return `${hidden(before)}(secret)${hidden(after)}`.replace(/[^ -~…]+/g, " ").trim();
}
