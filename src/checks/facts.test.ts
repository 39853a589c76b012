/** The table of facts: each fact of the original chapter has one place, and some must have an example. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { readScenario } from "../catalogue/catalogue.ts";

interface Fact {
  fact: number;
  /** The fact in a few words. */
  summary: string;
  page: string;
  /** The place on the page. The browser tests check that it exists. */
  anchor: string;
  /** The example or hazard that shows it. */
  example?: string;
}

/** The facts that an example or hazard must show. */
const LIVE = [2, 3, 5, 8, 10, 11, 12, 15, 18, 19, 21, 22, 23, 33];

const facts: Fact[] = JSON.parse(
  await readFile(path.join(import.meta.dirname, "facts.json"), "utf8"),
);

test("each of the 35 facts has one place", () => {
  expect(facts.map(({ fact }) => fact)).toEqual(
    Array.from({ length: 35 }, (_, index) => index + 1),
  );
});

test("the facts to be shown have an example", () => {
  const shown = facts.filter(({ example }) => example).map(({ fact }) => fact);
  expect(shown).toEqual(expect.arrayContaining(LIVE));
});

test("each example exists, and the fact is on its page", async () => {
  for (const { fact, page, example } of facts) {
    if (example === undefined) continue;
    const scenario = await readScenario(example);
    // A page of the chapter may refer to a hazard's page.
    if (scenario.twins) expect(scenario.page, `the page of fact ${fact}`).toBe(page);
  }
});
