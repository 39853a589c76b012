/** Calls Orthanc's REST API: kept connections, time limits, safe retries, files as streams. */
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Agent, type Dispatcher, interceptors, request } from "undici";

// #region connections
const agent = new Agent({
  connections: 8,
  // Orthanc keeps a connection for 1 s. Undici takes off 2 s for safety, unless told otherwise.
  keepAliveTimeoutThreshold: 100,
  connect: { timeout: 2_000 },
  headersTimeout: 30_000, // until an answer begins
  bodyTimeout: 10_000, // between two of its pieces
});
// A read may be sent again. An upload may not: nobody knows how far the first one came.
const retrying = agent.compose(
  interceptors.retry({
    methods: ["GET"],
    statusCodes: [502, 503],
    maxRetries: 3,
    minTimeout: 200,
    throwOnError: false,
  }),
);
// #endregion

// #region errors
/** Orthanc has refused a request. */
export class OrthancError extends Error {
  override name = "OrthancError";
  readonly status: number;
  constructor(what: string, status: number, reason: string) {
    super(`${what}: Orthanc has answered with status ${status}${reason && `, ${reason}`}`);
    this.status = status;
  }
}

/** Throws OrthancError for any status but 200, with Orthanc's reason where it gives one. */
async function check(what: string, answer: Dispatcher.ResponseData): Promise<void> {
  if (answer.statusCode === 200) return;
  const text = await answer.body.text();
  // The body may be empty, and its JSON has no Content-Type.
  const reason = /"(?:Details|Message)" : "([^"]*)"/.exec(text)?.[1] ?? "";
  throw new OrthancError(what, answer.statusCode, reason);
}
// #endregion

/** What an id of Orthanc's looks like. In a path, anything else may lead to another route. */
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;

/** One Orthanc. `authorization` is a whole header: `Bearer …` or `Basic …`. */
export class Orthanc {
  readonly #url: string;
  readonly #headers: { authorization: string };
  constructor(url: string, authorization: string) {
    this.#url = url;
    this.#headers = { authorization };
  }

  // #region get
  /** Gets JSON. Throws OrthancError, undici's errors, or TimeoutError after so many milliseconds. */
  async get(path: string, limit = 30_000): Promise<unknown> {
    const answer = await request(this.#url + path, {
      dispatcher: retrying,
      headers: this.#headers,
      signal: AbortSignal.timeout(limit),
    });
    await check(`GET ${path}`, answer);
    return answer.body.json();
  }
  // #endregion

  // #region download
  /** Writes an instance's DICOM file to a new file. What is cut short is removed again. */
  async download(instance: string, file: string): Promise<void> {
    if (!ORTHANC_ID.test(instance)) throw new TypeError(`"${instance}" is no id of an instance`);
    const path = `/instances/${instance}/file`;
    const answer = await request(this.#url + path, { dispatcher: agent, headers: this.#headers });
    await check(`GET ${path}`, answer);
    const target = createWriteStream(file, { flags: "wx" });
    try {
      await pipeline(answer.body, target);
    } catch (error) {
      // A file that somebody else has made stays.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") await rm(file, { force: true });
      throw error;
    }
  }
  // #endregion

  // #region upload
  /** Stores a DICOM file. Gives the instance's id, and whether it was there already. */
  async upload(file: string): Promise<{ id: string; already: boolean }> {
    const { size } = await stat(file);
    const answer = await request(`${this.#url}/instances`, {
      dispatcher: agent,
      method: "POST",
      headers: { ...this.#headers, "content-length": String(size) },
      body: createReadStream(file),
    });
    await check(`POST ${file}`, answer);
    const stored = (await answer.body.json()) as { ID: string; Status: string };
    return { id: stored.ID, already: stored.Status === "AlreadyStored" };
  }
  // #endregion
}
