import { expect, test } from "vitest";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { startExample, startPlugin } = useOrthancs();
/** The id of no instance. */
const UNKNOWN = "00000000-00000000-00000000-00000000-00000000";

/** Starts a twin with one text in its program replaced. */
const startEdited = (twin: Language, from: string, to: string) =>
  startExample("errors", twin, { replace: { [from]: to } });

test.each(LANGUAGES)("%s: an instance without a name gets a separate reason", async (twin) => {
  const orthanc = await startExample("errors", twin);
  const body = JSON.stringify({ Tags: { Modality: "OT" } });
  const made = await orthanc.request("/tools/create-dicom", { method: "POST", body });
  const { ID } = (await made.json()) as { ID: string };
  const answer = await orthanc.request(`/patient-names/${ID}`);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toEqual({ error: "the instance has no PatientName" });
});

/** What to replace in a twin, and by what, so that it logs each look-up. */
const LOOK_UPS = {
  python: ["    tags = orthanc.", '    orthanc.LogWarning("look-up"); tags = orthanc.'],
  typescript: ["  const tags = await", '  console.log("look-up"); const tags = await'],
} as const;

test.each(LANGUAGES)("%s: what is not an Orthanc id never becomes part of a path", async (twin) => {
  const orthanc = await startEdited(twin, LOOK_UPS[twin][0], LOOK_UPS[twin][1]);
  const ask = async (id: string) => (await orthanc.request(`/patient-names/${id}`)).status;
  const hostile = [
    "none",
    UNKNOWN.slice(1),
    `${UNKNOWN}0`,
    UNKNOWN.toUpperCase().replace("0", "A"),
  ];
  // Escaped twice, so that Orthanc hands them on.
  hostile.push(
    "..%252F..%252Fsystem",
    "%252e%252e",
    `${UNKNOWN}%3Fx`,
    `${UNKNOWN}%23x`,
    `${UNKNOWN}%0A`,
  );
  for (const id of hostile) expect([id, await ask(id)]).toEqual([id, 404]);
  expect(await orthanc.log()).not.toContain("look-up");
  expect(await ask(`${UNKNOWN}?x=/../y`)).toBe(404);
  expect(await orthanc.log()).toContain("look-up");
});

test.each([
  ["python", "    tags = orthanc.", "    raise RuntimeError('a bug'); tags = orthanc."],
  [
    "typescript",
    "  const tags = await",
    '  if (instance) throw new Error("a bug");  const tags = await',
  ],
] as const)("%s: a bug answers 500, with the details in the log alone", async (twin, from, to) => {
  const orthanc = await startEdited(twin, from, to);
  const answer = await orthanc.request(`/patient-names/${UNKNOWN}`);
  expect(answer.status).toBe(500);
  expect(await answer.json()).toEqual({ error: "the plugin has failed" });
  expect(await orthanc.log()).toMatch(/["']\/patient-names\/[0-9a-f-]+["']:[\s\S]*a bug/);
});

test("python: an error that a callback does not catch answers 500, and Orthanc keeps running", async () => {
  const orthanc = await startPlugin(`
import orthanc

def on_bug(output, uri, **request):
    raise RuntimeError("a bug")

orthanc.RegisterRestCallback("/bug", on_bug)
`);
  const answer = await orthanc.request("/bug");
  expect(answer.status).toBe(500);
  expect(answer.headers.get("content-type")).toBeNull();
  expect(await answer.json()).toMatchObject({
    HttpStatus: 500,
    Message: "Error encountered within the plugin engine",
  });
  expect(await orthanc.log()).toMatch(/RuntimeError[\s\S]*a bug[\s\S]*plugin\.py", line \d+/);
  expect((await orthanc.request("/system")).status).toBe(200);
});

test("typescript: an error that a handler does not catch ends Node, which the bridge starts again", async () => {
  // The one twin on plain node:http, where nothing catches what a handler throws.
  const orthanc = await startExample("blocking-computation", "typescript", {
    replace: {
      "const [total": 'if (request.headers["x-bug"]) throw new Error("a bug");\n  const [total',
    },
  });
  const ask = async (headers: Record<string, string>) =>
    (await orthanc.request("/computation", { headers })).status;
  expect(await ask({ "x-bug": "1" })).toBe(502);
  await expect.poll(() => ask({}), { timeout: 20_000 }).toBe(200);
  expect(await orthanc.log()).toContain("Error: a bug");
});

test("python: an error while the script loads keeps Orthanc from starting", async () => {
  await expect(startPlugin('raise RuntimeError("a bug")')).rejects.toThrow(
    /RuntimeError[\s\S]*a bug/,
  );
});

test("typescript: an error while the program loads leaves Orthanc without the routes only", async () => {
  const orthanc = await startEdited(
    "typescript",
    "const orthanc",
    'throw new Error("a bug");\nconst orthanc',
  );
  expect((await orthanc.request("/patient-names/none")).status).toBe(502);
  expect((await orthanc.request("/system")).status).toBe(200);
  expect(await orthanc.log()).toContain("Error: a bug");
});

test("python: errors in a change callback and in a thread go to the log, and Orthanc keeps running", async () => {
  const orthanc = await startPlugin(`
import threading
import orthanc

def on_change(change, level, resource):
    raise RuntimeError("a bug in a change callback")

def work():
    raise RuntimeError("a bug in a thread")

orthanc.RegisterOnChangeCallback(on_change)
threading.Thread(target=work).start()
`);
  expect((await orthanc.request("/system")).status).toBe(200);
  await expect.poll(() => orthanc.log()).toContain("a bug in a change callback");
  expect(await orthanc.log()).toContain("a bug in a thread");
});

test("RestApiGet reaches built-in routes, and RestApiGetAfterPlugins those of plugins too", async () => {
  const orthanc = await startPlugin(`
import json
import orthanc

def reached(get, path):
    try:
        get(path)
        return True
    except orthanc.OrthancException as error:
        return list(error.args)

def on_reached(output, uri, **request):
    ways = [orthanc.RestApiGet, orthanc.RestApiGetAfterPlugins]
    paths = ["/system", "/own"]
    answer = [[reached(get, path) for path in paths] for get in ways]
    output.AnswerBuffer(json.dumps(answer), "application/json")

def on_own(output, uri, **request):
    output.AnswerBuffer("own", "text/plain")

orthanc.RegisterRestCallback("/reached", on_reached)
orthanc.RegisterRestCallback("/own", on_own)
`);
  expect(await (await orthanc.request("/reached")).json()).toEqual([
    [true, [17, "Unknown resource"]],
    [true, true],
  ]);
});
