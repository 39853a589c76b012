import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fetch } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collectGarbage } from "../testing/collectGarbage.ts";
import { withTimeLimit } from "./timeLimit.ts";

/** Accepts requests and never answers one. */
const silent = createServer(() => {});
const never = new AbortController().signal;
let url: string;

/** Collects garbage, again and again: what nothing refers to is gone. */
let collecting: NodeJS.Timeout;

beforeAll(async () => {
  await once(silent.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  collecting = setInterval(collectGarbage, 50);
});

afterAll(() => {
  clearInterval(collecting);
  silent.closeAllConnections();
  silent.close();
});

test("a request that is never answered ends in time, also when garbage is collected", async () => {
  const limited = withTimeLimit(1_000, never, (signal) => fetch(url, { signal }));
  await expect(limited).rejects.toThrow("it takes longer than 1 seconds");
}, 10_000);

test("it ends at once when it is aborted from outside, with that reason", async () => {
  const outside = new AbortController();
  const limited = withTimeLimit(60_000, outside.signal, (signal) => fetch(url, { signal }));
  outside.abort(new Error("enough"));
  await expect(limited).rejects.toThrow("enough");
});

test("what is done in time is handed on, and the limit ends with it", async () => {
  let observed: AbortSignal | undefined;
  const done = await withTimeLimit(50, never, async (signal) => {
    observed = signal;
    return "done";
  });
  expect(done).toBe("done");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(observed?.aborted).toBe(false);
});
