/** Does four tasks in turn and then at once: computations on /computation, waits on /requests. */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";

const { ORTHANC_PLUGIN_SOCKET, ORTHANC_URL, ORTHANC_TOKEN } = process.env;
if (!ORTHANC_PLUGIN_SOCKET || !ORTHANC_URL || !ORTHANC_TOKEN)
  throw new Error("Orthanc starts this plugin: name bridge.py as its PythonScript.");

const TASKS = 4;
const COUNT = 60_000_000; // square roots of one task
const dispatcher = new Agent({ headersTimeout: 10_000, bodyTimeout: 10_000 });

// #region tasks
/** Computes square roots. Nothing else runs in this thread meanwhile: there is no await in it. */
async function compute(): Promise<void> {
  let sum = 0;
  for (let number = 0; number < COUNT; number++) sum += Math.sqrt(number);
  if (Number.isNaN(sum)) throw new Error("The computation has gone wrong.");
}

/** Asks a slow server. While it awaits the answer, the event loop does other things. */
async function ask(): Promise<void> {
  const headers = { authorization: ORTHANC_TOKEN };
  const answer = await request(`${ORTHANC_URL}/slow`, { dispatcher, headers });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`/slow answers with ${answer.statusCode}`);
}
// #endregion

// #region compare
/** Times all tasks in turn, and then all at once; throws what a task throws. */
async function compare(task: () => Promise<void>): Promise<string> {
  const started = performance.now();
  for (let count = 0; count < TASKS; count++) await task();
  const between = performance.now();
  await Promise.all(Array.from({ length: TASKS }, task));
  const ended = performance.now();
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(2);
  return `In turn: ${seconds(started, between)} s\nAt once: ${seconds(between, ended)} s\n`;
}
// #endregion

// #region callback
/** Answers GET /computation and GET /requests, and GET /slow in the place of a slow server. */
const server = createServer(async (incoming, response) => {
  response.setHeader("content-type", "text/plain");
  try {
    const [path] = (incoming.url ?? "").split("?");
    if (path === "/computation") response.end(await compare(compute));
    else if (path === "/requests") response.end(await compare(ask));
    else response.end(await sleep(400, "done")); // for /slow
  } catch (error) {
    console.warn("The slow server has not answered:", error);
    response.writeHead(502).end();
  }
});
// #endregion

server.listen(ORTHANC_PLUGIN_SOCKET);
process.stdin.resume().once("end", () => process.exit());
