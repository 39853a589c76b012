/** Variations of every example's requests on a live Orthanc: both twins answer each alike. */
import { describe, expect, test } from "vitest";
import { readScenarios } from "../catalogue/catalogue.ts";
import { selected } from "../testing/selection.ts";
import { judgeVariations } from "./compare.ts";
import { makeVariations, playVariations } from "./variations.ts";

const scenarios = selected(await readScenarios()).filter(({ twins }) => twins);
let asked = 0;

test.each(scenarios.map((scenario) => [scenario.id, scenario] as const))(
  "%s: both twins answer all variations alike, or as the example states",
  async (id, scenario) => {
    const runs = scenario.programs.map((program) => playVariations(scenario, program));
    const [python, typescript] = await Promise.all(runs);
    if (!python || !typescript) throw new Error("There are no two twins.");
    expect(judgeVariations(scenario, python, typescript)).toEqual([]);
    // Each of the example's own routes is varied.
    const paths = python.answers
      .filter(({ variation }) => variation === "as it is")
      .map(({ request }) => request.split(" ")[1]?.split("?")[0] ?? "");
    for (const route of scenario.programs[0]?.routes ?? []) {
      expect(paths).toContainEqual(expect.stringMatching(new RegExp(`^(?:${route})$`)));
    }
    asked += python.answers.length;
    console.log(`${id}: ${python.answers.length} variations, ${asked} so far`);
  },
);

describe("the variations of a request", () => {
  const CASES = [
    { method: "GET", target: "/patient-names/0-1" },
    { method: "GET", target: "/computation?count=10" },
    { method: "POST", target: "/computations", body: '{"count":1}' },
    { method: "PUT", target: "/a/b/c", body: "x" },
    { method: "DELETE", target: "/computations/0-1" },
  ];

  test.each(CASES)("$method $target: each has a unique name, and differs", (request) => {
    const all = makeVariations(request);
    expect(all[0]).toEqual({ name: "as it is", body: undefined, ...request });
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
    const sent = all.map(({ name: _, body, ...rest }) => [rest, body?.slice(0, 100), body?.length]);
    expect(new Set(sent.map((one) => JSON.stringify(one))).size).toBe(all.length);
    // Node's client would change or refuse such a request.
    for (const { target } of all) expect(target).toMatch(/^\/[\x21-\xff]*$/);
  });

  test.each([
    ["GET", "with a query string", "GET /patient-names/0-1?x"],
    ["GET", "with an escaped slash before the last part", "GET /patient-names%2F0-1"],
    ["GET", "with a part that escaped dots take back", "GET /patient-names/x/%2e%2e/0-1"],
    ["GET", "with a letter that is not ASCII", "GET /patient-names/0-1%C3%A9"],
    ["GET", "with an escaped NUL", "GET /patient-names/0-1%00"],
    ["GET", "as POST with a body of 20 MB", "POST /patient-names/0-1"],
    ["GET", "as HEAD", "HEAD /patient-names/0-1"],
    ["POST", "with a body that is malformed JSON", "POST /patient-names/0-1"],
    ["POST", "with 90 headers more", "POST /patient-names/0-1"],
  ])("%s %s", (method, name, line) => {
    const all = makeVariations({ method, target: "/patient-names/0-1" });
    const found = all.find((variation) => variation.name === name);
    expect(`${found?.method} ${found?.target}`).toBe(line);
  });
});
