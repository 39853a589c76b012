import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { RunFindings } from "./Findings.tsx";

type Props = Parameters<typeof RunFindings>[0];

/** Renders the findings of a run: the titles and sentences, in their order. */
function render(found: Partial<Props["end"]>): string[] {
  const end: Props["end"] = { how: "played", edited: [], unexpected: [], skipped: [], ...found };
  const html = renderToStaticMarkup(createElement(RunFindings, { end }));
  return [...html.matchAll(/<(?:p|li)>([^<]*)/g)].map(([, text = ""]) => text);
}

test("a run that was played shows what differs, what is not as expected, and what was skipped", () => {
  const found = { differences: ["200 and 404"], unexpected: ["404"], skipped: ["one core"] };
  expect(render({ ...found, edited: ["plugin.py"] })).toEqual([
    ...["The twins differ:", "200 and 404"],
    ...["Not as expected, now that plugin.py is changed:", "404"],
    ...["Skipped:", "one core"],
  ]);
});

test("of calls that all deviate in the same way, the sentence is shown once", () => {
  expect(render({ unexpected: ["500", "404", "500"] })).toEqual(["Not as expected:", "500", "404"]);
});

test("without a sentence, there is no title", () => {
  expect(render({ differences: [] })).toEqual([]);
});
