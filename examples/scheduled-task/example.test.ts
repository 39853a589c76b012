import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { readProgram } from "../../src/catalogue/catalogue.ts";
import { readSharedFiles } from "../../src/catalogue/files.ts";
import { bridgeOptions } from "../../src/harness/program.ts";
import { findNode } from "../../src/node/node.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { editProgram } from "../../src/testing/editProgram.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

interface State {
  runs: number;
  failures: number;
  error: string | null;
  studies: number | null;
  instances: number | null;
}

const { startExample, track } = useOrthancs();

/** Makes the pause between two runs shorter, in seconds. */
const period = (seconds: number) => ({ "PERIOD = 1": `PERIOD = ${seconds}` });

/** Has the task say when it begins and when it ends, and take that many seconds. */
function printing(twin: Language, seconds: number): Record<string, string> {
  if (twin === "python") {
    const old = 'found = json.loads(orthanc.RestApiGet("/statistics"))';
    const lines = [
      'orthanc.LogWarning("run begins")',
      `__import__("time").sleep(${seconds})`,
      old,
      'orthanc.LogWarning("run ends")',
    ];
    return { [old]: lines.join("\n    ") };
  }
  const old = "const found = ";
  const wait = `await new Promise((done) => setTimeout(done, ${seconds * 1000}))`;
  const end = "return { studies:";
  return {
    [old]: `console.log("run begins"); ${wait}; ${old}`,
    [end]: `console.log("run ends"); ${end}`,
  };
}

const start = (twin: Language, replace: Record<string, string> = {}) =>
  startExample("scheduled-task", twin, { replace });

async function see(orthanc: Orthanc): Promise<State> {
  return (await orthanc.request("/scheduled-task")).json() as Promise<State>;
}

/** Asks until the task reports something, and returns that. */
async function waitFor(orthanc: Orthanc, found: (state: State) => boolean): Promise<State> {
  return vi.waitFor(
    async () => {
      const state = await see(orthanc);
      expect(state).toSatisfy(found);
      return state;
    },
    { timeout: 20_000, interval: 100 },
  );
}

test.each(LANGUAGES)("%s: the task runs about once a second", async (twin) => {
  const orthanc = await start(twin);
  const first = await waitFor(orthanc, (state) => state.runs > 0);
  await sleep(3000);
  const runs = (await see(orthanc)).runs - first.runs;
  expect(runs).toBeGreaterThanOrEqual(1);
  expect(runs).toBeLessThanOrEqual(4);
});

test.each(LANGUAGES)("%s: a run that fails does not end the schedule", async (twin) => {
  // This copy watches one patient that Orthanc does not have yet.
  const patient = createHash("sha1").update("LATE").digest("hex").match(/.{8}/g)?.join("-");
  const orthanc = await start(twin, {
    ...period(0.2),
    '"/statistics"': `"/patients/${patient}/statistics"`,
  });
  const failed = await waitFor(orthanc, (state) => state.failures >= 3);
  expect(failed).toMatchObject({ error: "the last run has failed", instances: null });

  const body = JSON.stringify({ Tags: { PatientID: "LATE" } });
  await orthanc.request("/tools/create-dicom", { method: "POST", body });
  const well = await waitFor(orthanc, (state) => state.error === null);
  expect(well).toMatchObject({ studies: 1, instances: 1 });
  const { failures } = await waitFor(orthanc, (state) => state.runs >= well.runs + 2);
  expect(failures).toBe(well.failures);

  await orthanc.request(`/patients/${patient}`, { method: "DELETE" });
  await waitFor(orthanc, (state) => state.failures >= failures + 2);
  const warnings = (await orthanc.log()).match(/The task has failed/g);
  expect(warnings, "one for each row of failures").toHaveLength(2);
});

test.each(LANGUAGES)("%s: runs that take longer than the period do not pile up", async (twin) => {
  const orthanc = await start(twin, { ...period(0.2), ...printing(twin, 0.5) });
  await waitFor(orthanc, (state) => state.runs >= 3);
  const said = (await orthanc.log()).match(/run (begins|ends)$/gm) ?? [];
  expect(said.length).toBeGreaterThanOrEqual(6);
  said.forEach((line, index) => {
    expect(line).toBe(index % 2 === 0 ? "run begins" : "run ends");
  });
});

test.each(LANGUAGES)("%s: no run before Orthanc has started", async (twin) => {
  const changes = { ...period(0.01), ...printing(twin, 0) };
  const { routes } = await readProgram("scheduled-task", twin);
  const module = twin === "python" ? "plugin" : "bridge";
  const files = {
    ...(await editProgram("scheduled-task", twin, changes)),
    ...(await readSharedFiles(twin)),
    "slow_start.py": `import time\nimport ${module}\ntime.sleep(2)\n`,
  };
  const orthanc = track(
    await startOrthanc({
      ...bridgeOptions(await findNode(), files, routes),
      // What else Orthanc loads after the twin takes two seconds.
      script: "slow_start.py",
    }),
  );
  await waitFor(orthanc, (state) => state.runs >= 5);
  expect((await see(orthanc)).failures).toBe(0);
  const log = await orthanc.log();
  expect(log.indexOf("run begins")).toBeGreaterThan(log.indexOf("HTTP server listening"));
  if (twin === "python") {
    expect(log.indexOf("run begins")).toBeGreaterThan(log.indexOf("Orthanc has started"));
  }
});

test.each([
  ["python", "between two runs", {}],
  ["python", "while one run follows another", period(0.001)],
  ["python", "during a run that takes a minute", printing("python", 60)],
  ["typescript", "between two runs", {}],
  ["typescript", "while one run follows another", period(0.001)],
  ["typescript", "during a run that takes a minute", printing("typescript", 60)],
] as const)("%s: Orthanc stops at once %s", async (twin, when, changes) => {
  const orthanc = await start(twin, changes);
  if (when.includes("minute")) {
    await vi.waitFor(async () => expect(await orthanc.log()).toContain("run begins"), 10_000);
  } else {
    await waitFor(orthanc, (state) => state.runs > 0);
  }
  const begin = performance.now();
  await orthanc.stop();
  // Orthanc itself takes three of these seconds, and a run is given two.
  expect(performance.now() - begin).toBeLessThan(when.includes("minute") ? 7_500 : 5_000);
  expect(await orthanc.ended).toBe("exit code 0");
  expect(await orthanc.log()).not.toMatch(/traceback|exception|error:/i);
});

test("python: after /tools/reset there is one schedule, not two", async () => {
  const orthanc = await start("python", period(0.5));
  await waitFor(orthanc, (state) => state.runs >= 2);
  await orthanc.request("/tools/reset", { method: "POST" });
  await waitFor(orthanc, (state) => state.runs === 1);
  await sleep(2000);
  expect((await see(orthanc)).runs).toBeLessThanOrEqual(6);
});
