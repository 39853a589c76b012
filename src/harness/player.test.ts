import { expect, test } from "vitest";
import { findProgram, readScenario } from "../catalogue/catalogue.ts";
import type { Progress } from "../protocol/run.ts";
import { collectGarbage } from "../testing/collectGarbage.ts";
import { type PlayOptions, playProgram } from "./player.ts";

const HANGS = `import time
import orthanc

def on_computation(output, uri, **request):
    time.sleep(60)

orthanc.RegisterRestCallback("/computation", on_computation)
`;

/** Plays the Python twin of an example, in which a call hangs. */
async function playHanging(options: PlayOptions) {
  const scenario = await readScenario("rest-token");
  const edited = { "plugin.py": HANGS };
  return playProgram(scenario, findProgram(scenario, "python"), { ...options, edited });
}

/** Collects garbage repeatedly while a promise is pending. */
async function collecting<T>(going: Promise<T>): Promise<T> {
  const timer = setInterval(collectGarbage, 50);
  return going.finally(() => clearInterval(timer));
}

test("a step without an answer is aborted after its time limit, whatever garbage is collected", async () => {
  const played = playHanging({ stepLimit: 3_000 });
  await expect(collecting(played)).rejects.toThrow(/has no answer.*takes longer than 3 seconds/);
}, 50_000);

test("a run that is aborted ends, whatever garbage is collected", async () => {
  const stop = new AbortController();
  const reason = new Error("Enough.");
  const played = playHanging({
    signal: stop.signal,
    report: ({ type }) => {
      if (type === "step") setTimeout(() => stop.abort(reason), 1_000);
    },
  });
  await expect(collecting(played)).rejects.toBe(reason);
}, 50_000);

test("a run can be aborted while its plugin keeps the first requests waiting", async () => {
  const scenario = await readScenario("rest-token");
  const edited = {
    "plugin.py": `import time
import orthanc
asked = 0
def wait(uri, **request):
    global asked
    asked += 1
    time.sleep(60 if asked > 1 else 0)
    return True
orthanc.RegisterIncomingHttpRequestFilter(wait)
`,
  };
  const stop = new AbortController();
  const reason = new Error("Enough.");
  const played = playProgram(scenario, findProgram(scenario, "python"), {
    edited,
    signal: stop.signal,
    report: ({ type }) => {
      if (type === "start") setTimeout(() => stop.abort(reason), 500);
    },
  });
  await expect(played).rejects.toBe(reason);
}, 30_000);

test("a table can't be played without its credentials: a refusal would prove nothing", async () => {
  const scenario = await readScenario("token-access");
  const program = findProgram(scenario, "Remote access off, from another address");
  const edited = { "access.py": "import orthanc\n" };
  const local = { ...program, from: "loopback" as const };
  await expect(playProgram(scenario, local, { edited })).rejects.toThrow(
    'There are no credentials for "A token".',
  );
});

test("what an Orthanc has printed before it hangs while it starts is kept, without secrets", async () => {
  const scenario = await readScenario("hazards/waiting-while-loading");
  const failing = findProgram(scenario, "failing python");
  const program = { ...failing, start: { hangs: 5 }, log: ["It waits for .*"] };
  const edited = {
    "plugin.py": `import time
print("It waits for Bearer 7a9d5a3e-3c25-4b52-9e9c-0f0d6f1c2b3a")
time.sleep(60)
`,
  };
  const reported: Progress[] = [];
  const report = (progress: Progress) => reported.push(progress);
  const { run, ending } = await playProgram(scenario, program, { edited, report });
  const line = "It waits for (a secret)";
  expect(run).toMatchObject({ start: { type: "hangs", seconds: 5 }, steps: [], log: [line] });
  expect((await ending).log).toContain(line);
  expect(reported).toContainEqual({ type: "log", text: expect.stringContaining(line) });
  expect(reported.at(-1)).toEqual({ type: "end", log: [line] });
});

test("the expected lines of the log are reported when all steps are over", async () => {
  const scenario = await readScenario("hazards/overridden-route");
  const reported: Progress[] = [];
  const report = (progress: Progress) => reported.push(progress);
  const { run } = await playProgram(scenario, findProgram(scenario, "failing typescript"), {
    report,
  });
  expect(run.log).toEqual(["too many calls (CallsAtOnce is 25)"]);
  const steps = reported.filter(({ type }) => type !== "log");
  expect(steps.map(({ type }) => type)).toEqual(["start", "step", "call", "end"]);
  expect(steps.at(-1)).toEqual({ type: "end", log: run.log });
});
