import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { parseScenario } from "../../catalogue/catalogue.ts";
import type { RequestStep } from "../../catalogue/scenario.ts";
import type { Orthanc } from "../../orthanc/server.ts";
import type { Stage } from "../stage.ts";
import { sendRequests } from "./request.ts";

/** A request with which Orthanc must crash within so many seconds. */
function crashing(endsOrthanc: number): RequestStep {
  const step = { name: "A crash", path: "/crash", expect: { endsOrthanc } };
  const scenario = { summary: "It falls.", page: "/fall", steps: [step] };
  const { programs } = parseScenario(JSON.stringify(scenario), "fall", "");
  return programs[0]?.steps[0] as RequestStep;
}

/** A stage for these requests, whose Orthanc does not end. */
function stageOf(request: Orthanc["request"]): Stage {
  const orthanc = { request, ended: new Promise(() => {}) } as unknown as Orthanc;
  return {
    orthanc,
    url: "",
    names: new Map(),
    users: {},
    earlierTokens: [],
    secrets: [],
    stepLimit: 60_000,
    signal: new AbortController().signal,
  };
}

const never = () => {};

test("a request that must end Orthanc is not waited for any longer, even if it hangs", async () => {
  const hanging: Orthanc["request"] = (_, { signal } = {}) =>
    new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  const outcome = await sendRequests(crashing(1), stageOf(hanging), never);
  expect(outcome).toEqual({ type: "running", seconds: 1 });
}, 10_000);

test("the time for the end of Orthanc counts from the request, not from its disconnection", async () => {
  const disconnected: Orthanc["request"] = async () => {
    await sleep(1_500);
    throw new Error("disconnected");
  };
  const sent = performance.now();
  const outcome = await sendRequests(crashing(2), stageOf(disconnected), never);
  expect(outcome).toEqual({ type: "running", seconds: 2 });
  expect(performance.now() - sent).toBeLessThan(1_500 + 2_000);
});
