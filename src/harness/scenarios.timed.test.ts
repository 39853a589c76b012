/** Every scenario that says whether calls run at the same time, on a live Orthanc, with nothing beside it. */
import { afterAll, expect, test } from "vitest";
import { readScenarios } from "../catalogue/catalogue.ts";
import { expectEnding, playAsRecorded, reportFindings } from "../testing/playAsRecorded.ts";
import { comparesTimes, selected } from "../testing/selection.ts";
import { differences } from "./compare.ts";

const scenarios = selected(await readScenarios()).filter(comparesTimes);
const findings = { skipped: [], comparedAgain: 0 };

test.each(scenarios.map((scenario) => [scenario.id, scenario] as const))(
  "%s: both twins do as expected and as recorded, and answer alike",
  async (_id, scenario) => {
    const played = [];
    for (const program of scenario.programs) {
      played.push(await playAsRecorded(scenario, program, findings));
    }
    const [python, typescript] = played.map(({ run }) => run);
    if (!python || !typescript) throw new Error("There are no two twins.");
    expect(differences(scenario, python, typescript)).toEqual([]);
    await Promise.all(played.map((one) => expectEnding(scenario, one)));
  },
);

afterAll(() => reportFindings(`${scenarios.length} examples with comparisons of times`, findings));
