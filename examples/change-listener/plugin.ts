/**
 * Reads the tags of each instance that Orthanc stores; GET /change-listener tells of the last ones.
 * Orthanc keeps a numbered list of its changes: this program follows it.
 */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const KEPT = 100; // Instances that are remembered.
const PAGE = 100; // Changes that are asked for at once.
const [FIRST_PAUSE, LONGEST_PAUSE] = [50, 1000]; // milliseconds
const DEADLINE = 10; // seconds

// #region state
const state = { listening: false, handled: 0, missed: 0 };
const last = new Map<string, { patient: string; modality: string }>();

/** Remembers what an instance is. */
async function handle(id: string): Promise<void> {
  const tags = await get<{ PatientID?: string; Modality?: string }>(
    `/instances/${id}/simplified-tags`,
  );
  last.set(id, { patient: tags.PatientID ?? "", modality: tags.Modality ?? "" });
  for (const old of [...last.keys()].slice(0, -KEPT)) last.delete(old);
  state.handled += 1;
}
// #endregion

// #region listen
interface Changes {
  Changes: { Seq: number; ChangeType: string; ID: string }[];
  Last: number;
  Done: boolean;
}

/** Handles new instances one after another, for as long as Node runs. */
async function work(): Promise<never> {
  let since: number | undefined;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      since ??= (await get<Changes>("/changes?last")).Last;
      state.listening = true;
      for (let done = false; !done; ) {
        const page: Changes = await get(`/changes?since=${since}&limit=${PAGE}`);
        for (const { Seq, ChangeType, ID } of page.Changes) {
          if (ChangeType === "NewInstance") await handleOrMiss(ID);
          since = Seq;
          pause = FIRST_PAUSE;
        }
        done = page.Done;
      }
    } catch (error) {
      console.warn(`Orthanc's changes are asked for again: ${error}`);
    }
    await sleep(pause);
  }
}

/** Goes on where Orthanc refuses: the instance may be deleted by now. Throws where it is not there. */
async function handleOrMiss(id: string): Promise<void> {
  try {
    await handle(id);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    state.missed += 1;
    console.warn(`Instance ${id} is not handled: ${error.message}`);
  }
}
// #endregion

class Refused extends Error {}

// Undici keeps no connection to Orthanc, unless its margin of 2 s is made smaller.
const dispatcher = new Agent({ keepAliveTimeoutThreshold: 100 });

/** Orthanc's JSON answer; throws Refused where its status is not 200, other errors where it has none. */
async function get<Json>(path: string): Promise<Json> {
  const headers = { authorization: ORTHANC_TOKEN };
  const signal = AbortSignal.timeout(DEADLINE * 1000);
  const answer = await request(`${ORTHANC_URL}${path}`, { dispatcher, headers, signal });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Refused(`Orthanc answered ${answer.statusCode}`);
  return JSON.parse(text) as Json;
}

// #region callback
/** Answers GET /change-listener. */
const server = createServer((request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  const body = JSON.stringify({ ...state, last: Object.fromEntries(last) });
  response.writeHead(200, { "content-type": "application/json" }).end(body);
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
work();
// #endregion
