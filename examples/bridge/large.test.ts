/**
 * Large answers: collected by the bridge, or passed on while they come, if Orthanc's Python plugin can. What was cut never
 * looks whole to the client.
 */
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { peakMemory } from "../../src/linux/memory.ts";
import { type Orthanc, startOrthanc } from "../../src/orthanc/server.ts";

const TIMEOUT = 5; // seconds, which a busy machine may need for 100 MB
const MB = 1_000_000;
const loader = createRequire(import.meta.url)
  .resolve("@oxc-node/core")
  .replace(/index\.js$/, "register.mjs");

describe.each([
  { release: "bookworm", streams: false },
  { release: "trixie", streams: true },
] as const)("an answer of many megabytes on $release", ({ release, streams }) => {
  let orthanc: Orthanc;

  beforeAll(async () => {
    orthanc = await startOrthanc({
      release,
      script: path.join(import.meta.dirname, "bridge.py"),
      configuration: {
        Node: { Script: "fixtures/plugin.ts", Routes: ["/bridge/(.*)"], TimeoutSeconds: TIMEOUT },
      },
      environment: { NODE_OPTIONS: `--import=${pathToFileURL(loader)}` },
    });
    // On a busy machine, Node may need longer to start than a request may take.
    const ready = async () => expect((await orthanc.request("/bridge/ends")).status).toBe(200);
    await vi.waitFor(ready, { timeout: 60_000, interval: 100 });
  });
  afterAll(() => orthanc?.kill());

  /** Sends a request; the answer's body is still to be read. */
  async function open(target: string): Promise<IncomingMessage> {
    const { url, user, password } = orthanc;
    const request = httpRequest(`${url}/bridge/${target}`, { auth: `${user}:${password}` });
    request.end();
    const [response] = await once(request, "response");
    return response as IncomingMessage;
  }

  /** How many bytes came, each of which must be the right one, and whether that was all. */
  async function readNumbers(response: IncomingMessage): Promise<{ size: number; whole: boolean }> {
    let size = 0;
    let rest = Buffer.alloc(0);
    try {
      for await (const data of response) {
        const bytes = Buffer.concat([rest, data as Buffer]);
        let at = 0;
        for (; at + 4 <= bytes.length; at += 4, size += 4) {
          if (bytes.readUInt32LE(at) !== size / 4) throw new Error(`Wrong at byte ${size}.`);
        }
        rest = bytes.subarray(at);
      }
    } catch (error) {
      if (!String(error).includes("aborted")) throw error;
    }
    return { size: size + rest.length, whole: response.complete };
  }

  const get = async (target: string) => {
    const response = await orthanc.request(`/bridge/${target}`);
    expect(response.status).toBe(200);
    return (await response.json()) as Record<string, unknown>;
  };

  const memory = () => peakMemory(orthanc.pid);

  it.each(["length", "chunks"])("arrives whole, with its headers (%s)", async (how) => {
    const response = await open(`large/${20 * MB}/${how}`);
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "application/x-large",
      "content-length": String(20 * MB),
      "set-cookie": ["a=1", "b=2"],
    });
    expect(response.rawHeaders.filter((name) => /^content-length$/i.test(name))).toHaveLength(1);
    expect(response.rawHeaders.map((name) => name.toLowerCase())).not.toContain(
      "transfer-encoding",
    );
    // What is streamed ends the client's connection.
    expect(response.headers.connection).toBe(streams && how === "length" ? "close" : "keep-alive");
    expect(await readNumbers(response)).toEqual({ size: 20 * MB, whole: true });
    await vi.waitFor(async () => expect((await get("ends")).ends).not.toContain("aborted"));
  });

  it("is not needed whole in memory, if it is streamed", async () => {
    const before = memory();
    const response = await open(`large/${100 * MB}/length`);
    expect(response.statusCode).toBe(200);
    expect(await readNumbers(response)).toEqual({ size: 100 * MB, whole: true });
    const more = memory() - before;
    if (streams) expect(more).toBeLessThan(30 * MB);
    else expect(more).toBeGreaterThan(60 * MB);
  });

  it("and is cut: the client gets 502, or sees that bytes are missing", async () => {
    const response = await open(`large/${20 * MB}/length/${10 * MB}`);
    const { size, whole } = await readNumbers(response).catch(() => ({ size: 0, whole: true }));
    if (streams) {
      expect(response.statusCode).toBe(200);
      expect(whole).toBe(false);
      expect(size).toBeLessThanOrEqual(10 * MB);
      expect(await orthanc.log()).toContain("the client gets less than was announced");
    } else {
      expect(response.statusCode).toBe(502);
    }
  });

  it("and stops coming: the client gets 504, or sees that bytes are missing", async () => {
    const started = performance.now();
    const response = await open(`large/${20 * MB}/stall/${10 * MB}`);
    const { whole } = await readNumbers(response).catch(() => ({ whole: true }));
    expect(response.statusCode).toBe(streams ? 200 : 504);
    expect(whole).toBe(!streams);
    expect(performance.now() - started).toBeGreaterThan(TIMEOUT * 1000 - 100);
    // Node learns that its answer is not wanted any more.
    await vi.waitFor(async () => expect((await get("ends")).ends).toContain("aborted"));
  });

  it("and is cut in chunks, or before its first byte: 502", async () => {
    for (const target of [`large/${20 * MB}/chunks/${10 * MB}`, `large/${20 * MB}/length/0`]) {
      const response = await orthanc.request(`/bridge/${target}`);
      expect(response.status).toBe(502);
      expect(await response.json()).toEqual({
        error: "Node closed the connection amid its answer",
      });
    }
  });

  it("is read slowly: the client's time is not Node's", async () => {
    const response = await open(`large/${20 * MB}/length`);
    response.pause();
    await sleep(TIMEOUT * 1000 + 1000);
    expect(await readNumbers(response)).toEqual({ size: 20 * MB, whole: true });
  });

  it("is given up by the client: Orthanc and Node keep running", async () => {
    const response = await open(`large/${60 * MB}/length`);
    response.destroy();
    expect(await get("echo")).toHaveProperty("pid");
  });

  it("is what the client has sent", async () => {
    const body = Buffer.alloc(10 * MB, "orthanc ");
    for (const how of ["length", "chunks"]) {
      const response = await orthanc.request(`/bridge/pipe/${how}`, { method: "POST", body });
      expect(response.status).toBe(200);
      expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
    }
  });
});
