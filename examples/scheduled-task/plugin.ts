/** Looks every second at what Orthanc has stored; GET /scheduled-task tells what it saw last. */
import { createServer } from "node:http";
import { Agent, request } from "undici";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const PERIOD = 1; // seconds from the end of one run to the start of the next
const DEADLINE = 10; // seconds

// #region task
// Undici keeps no connection to Orthanc, unless its margin of 2 s is made smaller.
const dispatcher = new Agent({ keepAliveTimeoutThreshold: 100 });

/** Counts what Orthanc has stored; throws where it does not answer with 200 in time. */
async function look(): Promise<{ studies: number; instances: number }> {
  const statistics = (await get("/statistics")) as { CountStudies: number; CountInstances: number };
  return { studies: statistics.CountStudies, instances: statistics.CountInstances };
}

/** Orthanc's JSON answer. */
async function get(path: string): Promise<unknown> {
  const headers = { authorization: ORTHANC_TOKEN };
  const signal = AbortSignal.timeout(DEADLINE * 1000);
  const answer = await request(`${ORTHANC_URL}${path}`, { dispatcher, headers, signal });
  const text = await answer.body.text();
  if (answer.statusCode !== 200) throw new Error(`Orthanc answered ${answer.statusCode}`);
  return JSON.parse(text);
}
// #endregion

// #region schedule
const seen = {
  runs: 0,
  failures: 0,
  error: null as string | null,
  studies: null as number | null,
  instances: null as number | null,
};

/** Runs the task once and arms the timer for the next run, however this one ends. */
async function run(): Promise<void> {
  try {
    Object.assign(seen, await look(), { error: null });
  } catch (error) {
    // Only the first of several in a row fills the log.
    if (!seen.error) console.warn("The scheduled task has failed and is tried again:", error);
    seen.failures += 1;
    seen.error = "the last run has failed";
  }
  seen.runs += 1;
  arm();
}

/** Starts the timer. It ends with Node, which ends with Orthanc. */
function arm(): void {
  setTimeout(run, PERIOD * 1000).unref();
}

/** Arms the timer when Orthanc has started: Node starts before Orthanc listens. */
function armWhenStarted(): void {
  get("/system").then(arm, () => setTimeout(armWhenStarted, 100).unref());
}
// #endregion

// #region callback
/** Answers GET /scheduled-task. */
const server = createServer((request, response) => {
  if (request.method !== "GET") {
    response.writeHead(405, { allow: "GET" }).end();
    return;
  }
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen));
});

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
armWhenStarted();
// #endregion
