import { expect, test } from "vitest";
import { useOrthancs } from "../../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();

test("typescript: a call to its own route that takes too long is aborted", async () => {
  const orthanc = await startExample("hazards/self-call", "fixed typescript", {
    edited: ({ "plugin.ts": text = "" }) => ({
      "plugin.ts": text
        .replace("DEADLINE = 10_000", "DEADLINE = 500")
        .replace('"/count", async (context) => {', "$& await new Promise(() => {});"),
    }),
  });
  const answer = await orthanc.request("/report");
  expect(answer.status).toBe(500);
  // Node 24 prints an error without a stack in brackets.
  expect(await orthanc.log()).toMatch(/"\/report": \[?DOMException \[TimeoutError\]/);
});
