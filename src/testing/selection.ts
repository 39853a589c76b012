import type { Scenario } from "../catalogue/catalogue.ts";

/** Picks the scenarios that `npm run test:example` has named; without names, all of them. */
export function selected(scenarios: Scenario[]): Scenario[] {
  const names = process.env.EXAMPLES?.split(" ");
  return scenarios.filter(({ id }) => names === undefined || names.includes(id));
}

/** Tells if a scenario says whether calls run at the same time: nothing else may run beside it. */
export function comparesTimes({ programs }: Scenario): boolean {
  return programs.some(({ steps }) =>
    steps.some((step) => step.do === "request" && step.expect.concurrency !== undefined),
  );
}
