/** The table of facts: each fact of the original chapter has one place, and some must have an example. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { exampleIds, readExample } from "../harness/example.ts";
import { hazardIds } from "../harness/hazard.ts";

interface Fact {
  fact: number;
  /** The fact in a few words. */
  told: string;
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

test("each example exists, declares the fact, and belongs to that page", async () => {
  const hazards = await hazardIds();
  for (const { fact, page, example } of facts) {
    if (example === undefined || hazards.includes(example)) continue;
    const { page: own, facts: shown } = await readExample(example);
    expect(shown, `fact ${fact} in examples/${example}/example.json`).toContain(fact);
    expect(own, `the page of fact ${fact}`).toBe(page);
  }
});

test("no example shows a fact that belongs to another page", async () => {
  for (const id of await exampleIds()) {
    const { page, facts: shown } = await readExample(id);
    for (const number of shown) {
      const place = facts.find(({ fact }) => fact === number);
      expect(place?.page, `fact ${number} of ${id}`).toBe(page);
    }
  }
});
