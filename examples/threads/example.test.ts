import { expect, test } from "vitest";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();

const SLOWER: Record<Language, Record<string, string>> = {
  python: { "time.sleep(0.4)": "time.sleep(8)", "timeout=10": "timeout=1" },
  typescript: { "sleep(400,": "sleep(8000,", '"/slow", 10_000': '"/slow", 1_000' },
};

test.each(LANGUAGES)("%s: a server that does not answer in time is given up", async (twin) => {
  const orthanc = await startExample("threads", twin, { replace: SLOWER[twin] });
  const answer = await orthanc.request("/requests");
  expect([answer.status, await answer.json()]).toEqual([
    502,
    { error: "the slow server did not answer" },
  ]);
});
