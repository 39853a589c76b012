/** Calls Orthanc's REST API: time limits, safe retries, files as streams. */
import { createReadStream, createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Agent, type Dispatcher, interceptors, request } from "undici";

// #region connections
const agent = new Agent({
  // Further calls wait. So a handler must not call its own plugin's routes.
  connections: 8,
  // Orthanc keeps a connection for 1 s. By default, undici takes off 2 s for
  // safety, and so would keep none.
  keepAliveTimeoutThreshold: 100,
  connect: { timeout: 2_000 },
  headersTimeout: 30_000, // until an answer begins
  bodyTimeout: 10_000, // between two of its pieces
});
// A read may be sent again. An upload may not: the first one may have arrived.
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
/** Orthanc has refused a request, with this status. */
export class OrthancError extends Error {
  override name = "OrthancError";
  readonly statusCode: number;
  constructor(what: string, statusCode: number, reason: string) {
    const because = reason && `, ${reason}`;
    super(`${what}: Orthanc has answered with status ${statusCode}${because}`);
    this.statusCode = statusCode;
  }
}

/** Throws OrthancError for any status but 200, with Orthanc's reason if any. */
async function check(
  what: string,
  answer: Dispatcher.ResponseData,
): Promise<void> {
  if (answer.statusCode === 200) return;
  const text = await answer.body.text();
  // The body may be empty, and its JSON has no Content-Type.
  const reason = /"(?:Details|Message)" : "([^"]*)"/.exec(text)?.[1] ?? "";
  throw new OrthancError(what, answer.statusCode, reason);
}
// #endregion

function required(variable: string | undefined): string {
  if (variable) return variable;
  throw new Error(
    "Orthanc starts this plugin: name bridge.py as its PythonScript.",
  );
}

/** In a path, anything but an id of Orthanc's may lead to another route. */
const ORTHANC_ID = /^[0-9a-f]{8}(-[0-9a-f]{8}){4}$/;

/** One Orthanc; without arguments, the one that has started this plugin. */
export class Orthanc {
  readonly #url: string;
  readonly #headers: { authorization: string };

  /** `authorization` is a whole header: `Bearer …` or `Basic …`. */
  constructor(url?: string, authorization?: string) {
    const { ORTHANC_URL, ORTHANC_TOKEN } = process.env;
    // This Orthanc's token never goes to another server.
    this.#url = url ?? required(ORTHANC_URL);
    const header = url === undefined ? required(ORTHANC_TOKEN) : authorization;
    if (!header) throw new TypeError(`There is no authorization for ${url}.`);
    this.#headers = { authorization: header };
  }

  // #region get
  /**
   * Gets JSON. Throws OrthancError, undici's errors, or TimeoutError after so
   * many milliseconds.
   */
  async get<Json>(path: string, limit = 30_000): Promise<Json> {
    const body = await this.#read(path, limit);
    return (await body.json()) as Json;
  }

  /** Gets bytes. Throws what `get` throws. */
  async getBytes(path: string, limit = 30_000): Promise<ArrayBuffer> {
    const body = await this.#read(path, limit);
    return body.arrayBuffer();
  }

  async #read(path: string, limit: number) {
    const answer = await request(this.#url + path, {
      dispatcher: retrying,
      headers: this.#headers,
      signal: AbortSignal.timeout(limit),
    });
    await check(`GET ${path}`, answer);
    return answer.body;
  }
  // #endregion

  // #region download
  /** Writes an instance's DICOM file to a new file, or leaves none. */
  async download(instance: string, file: string): Promise<void> {
    if (!ORTHANC_ID.test(instance))
      throw new TypeError(`"${instance}" is not the id of an instance`);
    const path = `/instances/${instance}/file`;
    const answer = await request(this.#url + path, {
      dispatcher: agent,
      headers: this.#headers,
    });
    await check(`GET ${path}`, answer);
    const target = createWriteStream(file, { flags: "wx" });
    try {
      await pipeline(answer.body, target);
    } catch (error) {
      // A file that was there before stays.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EEXIST") await rm(file, { force: true });
      throw error;
    }
  }
  // #endregion

  // #region upload
  /** Stores a DICOM file: its id, and whether it was there before. */
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
