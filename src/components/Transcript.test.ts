import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import { LANGUAGES } from "../protocol/programs.ts";
import type { ProgramRun } from "../protocol/run.ts";
import { Transcript } from "./Transcript.tsx";

test("a line that is in the logs of both twins is shown once", () => {
  const runs = LANGUAGES.map(
    (language): ProgramRun => ({
      program: language,
      language,
      start: { type: "answers" },
      steps: [],
      log: ["one line", `of ${language}`, "one line"],
    }),
  );
  const html = renderToStaticMarkup(createElement(Transcript, { runs }));
  const lines = [...html.matchAll(/In the log: <code>([^<]*)/g)].map(([, line]) => line);
  expect(lines).toEqual(["one line", "of python", "of typescript"]);
});
