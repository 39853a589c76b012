/** More calls than Orthanc has threads for, each of which asks Orthanc in its turn: none waits for the others. */
import path from "node:path";
import { expect, test } from "vitest";
import { EXAMPLES, readProgram } from "../../src/catalogue/catalogue.ts";
import { startProgram } from "../../src/harness/program.ts";
import type { Orthanc } from "../../src/orthanc/server.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const CALLS = 100;
/** As Orthanc comes. */
const THREADS = 50;
const REFUSED = {
  status: 503,
  retryAfter: "1",
  body: '{"error": "too many calls (CallsAtOnce is 25)"}',
};

const { track } = useOrthancs();

/** A program of this repository behind the bridge. */
async function start(folder: string, routes: string[], instances: string[] = []) {
  const program = { folder: path.join(EXAMPLES, folder), language: "typescript" as const };
  return track(await startProgram({ ...program, routes, instances }));
}

/** Makes that many calls at once, and returns the answers in the order in which they arrive. */
async function callAtOnce(orthanc: Orthanc, target: string) {
  const answers: { status: number; retryAfter: string | null; body: string }[] = [];
  const call = async () => {
    const { status, headers, ...answer } = await ask(orthanc, target);
    answers.push({ status, retryAfter: headers.get("retry-after"), ...answer });
  };
  await Promise.all(Array.from({ length: CALLS }, call));
  return answers;
}

async function ask(orthanc: Orthanc, target: string) {
  const answer = await orthanc.request(target);
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

test("half of Orthanc's threads wait for Node, and the rest of the calls are refused at once", async () => {
  const orthanc = await start("hazards/http-threads/fixed", ["/report"]);
  // Each takes a second, and then asks Orthanc.
  const answers = await callAtOnce(orthanc, "/report");
  expect(answers.slice(0, CALLS - THREADS / 2)).toEqual(Array(CALLS - THREADS / 2).fill(REFUSED));
  const answered = { status: 200, retryAfter: null, body: "0 instances\n" };
  expect(answers.slice(CALLS - THREADS / 2)).toEqual(Array(THREADS / 2).fill(answered));
  // All places are free again.
  expect((await callAtOnce(orthanc, "/report")).filter(({ status }) => status === 200).length).toBe(
    THREADS / 2,
  );
});

test("with as many calls as threads, they would wait for each other", async () => {
  const program = await readProgram("hazards/http-threads", "fixed typescript");
  const orthanc = track(
    await startProgram(program, {
      configuration: {
        HttpThreadsCount: 4,
        Node: {
          Script: "plugin.ts",
          Routes: ["/report"],
          CallsAtOnce: 4,
        },
      },
    }),
  );
  await ask(orthanc, "/report");
  const answers = await Promise.all([1, 2, 3, 4].map(() => ask(orthanc, "/report")));
  expect(answers.map(({ status }) => status)).toContain(500);
  expect(await orthanc.log()).toContain("TimeoutError");
});

test.each([
  ["errors", "/patient-names/([^/]+)", "/patient-names/{id}", THREADS / 2 - 5],
  // It keeps at most eight files in memory.
  ["dicom-parsing", "/dicom-summary/([^/]+)", "/dicom-summary/{id}", 8],
  ["from-python", "/patient-count-new", "/patient-count-new", THREADS / 2 - 5],
] as const)(
  "%s gives the right answer, or receives no call",
  async (folder, route, pattern, least) => {
    const orthanc = await start(folder, [route], ["CT_small.dcm"]);
    const [instance] = (await (await orthanc.request("/instances")).json()) as string[];
    const target = pattern.replace("{id}", instance as string);
    const right = await ask(orthanc, target);
    expect(right.status).toBe(200);
    const answers = await callAtOnce(orthanc, target);
    for (const { status, body } of answers) {
      if (status === 200) expect(body).toBe(right.body);
      else expect(status).toBe(503);
    }
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(least);
  },
);
