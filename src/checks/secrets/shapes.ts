/** Finds what may be a secret in any text: by its shape, as nobody but their users knows the secrets themselves. */
import { hashOf } from "../../orthanc/secrets.ts";

/** A place in a text that looks like a secret. */
export interface Candidate {
  start: number;
  end: number;
  hash: string;
  /** Whether it is one by its looks alone: an Authorization header with one of Orthanc's tokens. */
  certain: boolean;
}

/** What `makeSecret` makes, or is longer. */
const HEX = /[0-9a-f]{64,}/g;
const HEX_LENGTH = 64;
/** Other letters may stand right before and after a secret, but hardly more than these. */
const HEX_LIMIT = 1_000;
/** What Orthanc makes its tokens of. */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
/** What stands before one of them in a header, also as JSON or a query has it. */
const BEARER = /Bearer(?:[\s"':,+]|%20|\\u0020)*$/i;
/** Long enough for a secret inside of it, such as `Basic` and a name with its password. */
const BASE64 = /[\w+/-]{48,8192}/g;

/** Everything in a text that may be a secret, plain or in base64. */
export function* candidatesIn(text: string): Generator<Candidate> {
  yield* plainIn(text);
  for (const { 0: run, index } of text.matchAll(BASE64)) {
    const place = { start: index, end: index + run.length };
    // It may stand behind other letters, and then be read only from the right one on.
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

/** The token in an Authorization header's value, as `candidatesIn` finds it; undefined if there is none. */
export function tokenHash(header: string): string | undefined {
  const [uuid] = header.match(UUID) ?? [];
  return uuid && hashOf(uuid.toLowerCase());
}

/** The line of a text that a candidate is in, without it and whatever else looks like it. */
export function lineAround(text: string, { start, end }: Candidate): string {
  const before = text.slice(text.lastIndexOf("\n", start) + 1, start).slice(-60);
  const after = text.slice(end).split("\n", 1)[0]?.slice(0, 40) ?? "";
  const hidden = (part: string) => part.replace(/[\w+/-]{32,}/g, "…");
  return `${hidden(before)}(secret)${hidden(after)}`.replace(/[^ -~…]+/g, " ").trim();
}
