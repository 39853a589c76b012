/** The client on a live Orthanc: connections, limits, retries, errors, and large files as streams. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { copyFile, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Orthanc as PrivateOrthanc, startOrthanc } from "../../src/orthanc/server.ts";
import { collectGarbage } from "../../src/testing/collectGarbage.ts";
import { Orthanc, OrthancError } from "./client.ts";

/** The id of no instance. */
const UNKNOWN = "00000000-00000000-00000000-00000000-00000000";
const LARGE = 100 * 1024 * 1024; // bytes

let server: PrivateOrthanc;
let orthanc: Orthanc;
let folder: string;
let small: string;

const authorization = ({ user, password }: PrivateOrthanc) =>
  `Basic ${btoa(`${user}:${password}`)}`;

beforeAll(async () => {
  server = await startOrthanc();
  orthanc = new Orthanc(server.url, authorization(server));
  folder = await mkdtemp(path.join(tmpdir(), "undici-"));
  small = path.join(server.installation.testFiles, "CT_small.dcm");
});

afterAll(async () => {
  await server.kill();
  await rm(folder, { recursive: true });
});

/** A DICOM file with padding at its end, as large as some ultrasound recordings. */
async function makeLarge(): Promise<string> {
  const file = path.join(folder, "large.dcm");
  await copyFile(small, file);
  const header = Buffer.from([0xfc, 0xff, 0xfc, 0xff, 0x4f, 0x42, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32LE(LARGE, 8);
  const handle = await open(file, "a");
  await handle.write(header);
  for (let done = 0; done < LARGE; done += 1024 * 1024)
    await handle.write(Buffer.alloc(1024 * 1024, done));
  await handle.close();
  return file;
}

/** How much more memory than before this process had at the most while it did something, in bytes. */
async function peak(work: () => Promise<unknown>): Promise<number> {
  const used = () => process.memoryUsage().arrayBuffers;
  // Otherwise memory from earlier reads may be freed now, and hide what this read takes.
  collectGarbage();
  collectGarbage();
  const before = used();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, used());
  }, 2);
  await work();
  clearInterval(timer);
  return most - before;
}

/** Reads in pieces: what a whole file takes in memory is freed at any time later, and would hide what is measured. */
async function digest(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

describe("a file of 100 MB", () => {
  test("goes in and out unchanged, and is never in memory as a whole", async () => {
    const file = await makeLarge();
    const copy = path.join(folder, "copy.dcm");
    let id = "";
    expect(
      await peak(async () => {
        ({ id } = await orthanc.upload(file));
      }),
    ).toBeLessThan(LARGE / 2);
    expect(await peak(() => orthanc.download(id, copy))).toBeLessThan(LARGE / 2);
    expect(await digest(copy)).toBe(await digest(file));
    // The measure does see a buffer of this size.
    expect(await peak(async () => (await readFile(file)).length)).toBeGreaterThan(LARGE / 2);
    await orthanc.upload(file).then(({ already }) => expect(already).toBe(true));
  });

  test("that is cut short on its way out leaves no file", async () => {
    const proxy = createTcpServer((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning");
        setTimeout(() => socket.destroy(), 50);
      });
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const broken = new Orthanc(
      `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      "Basic ",
    );
    const file = path.join(folder, "cut.dcm");
    await expect(broken.download(UNKNOWN, file)).rejects.toThrow("other side closed");
    await expect(stat(file)).rejects.toThrow("ENOENT");
    proxy.close();
  });

  test("does not overwrite a file that is there", async () => {
    const { id } = await orthanc.upload(small);
    const file = path.join(folder, "mine.dcm");
    await writeFile(file, "mine");
    await expect(orthanc.download(id, file)).rejects.toThrow("EEXIST");
    expect(await readFile(file, "utf8")).toBe("mine");
  });
});

test("a GET is sent again if the server can't answer yet, and an upload is not", async () => {
  const seen: string[] = [];
  const busy = createServer((request, response) => {
    seen.push(request.method ?? "");
    request.resume();
    response.writeHead(seen.length < 3 ? 503 : 200).end("[]");
  }).listen(0, "127.0.0.1");
  await once(busy, "listening");
  const client = new Orthanc(`http://127.0.0.1:${(busy.address() as AddressInfo).port}`, "Basic ");
  expect(await client.get("/instances")).toEqual([]);
  expect(seen).toEqual(["GET", "GET", "GET"]);
  seen.length = 0;
  await expect(client.upload(small)).rejects.toThrow("status 503");
  expect(seen).toEqual(["POST"]);
  busy.close();
});

test("this plugin's token goes to no other server", () => {
  process.env.ORTHANC_TOKEN = "Bearer of-this-test";
  expect(() => new Orthanc("http://127.0.0.1:9")).toThrow(
    "no authorization for http://127.0.0.1:9",
  );
  delete process.env.ORTHANC_TOKEN;
  expect(() => new Orthanc()).toThrow("Orthanc starts this plugin");
});

test("this plugin's token goes to no other server", () => {
  process.env.ORTHANC_TOKEN = "Bearer of-this-test";
  expect(() => new Orthanc("http://127.0.0.1:9")).toThrow(
    "no authorization for http://127.0.0.1:9",
  );
  delete process.env.ORTHANC_TOKEN;
  expect(() => new Orthanc()).toThrow("Orthanc starts this plugin");
});

test("who never answers is given up in time", async () => {
  const silent = createTcpServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const client = new Orthanc(
    `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    "Basic ",
  );
  await expect(client.get("/instances", 300)).rejects.toMatchObject({ name: "TimeoutError" });
  silent.close();
});

describe("what Orthanc refuses is an OrthancError", () => {
  const status = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error) => {
        expect(error).toBeInstanceOf(OrthancError);
        return error.message;
      },
    );

  test("an unknown instance, an unknown route, a wrong password, a file that is no DICOM", async () => {
    expect(await status(orthanc.get("/instances/none"))).toBe(
      "GET /instances/none: Orthanc has answered with status 404",
    );
    expect(await status(orthanc.get("/nowhere"))).toBe(
      "GET /nowhere: Orthanc has answered with status 404, Unknown resource",
    );
    expect(await status(new Orthanc(server.url, "Basic ").get("/system"))).toBe(
      "GET /system: Orthanc has answered with status 401",
    );
    const garbage = path.join(folder, "garbage.dcm");
    await writeFile(garbage, "no DICOM");
    expect(await status(orthanc.upload(garbage))).toMatch(
      /status 400, (Bad file format|Cannot parse)/,
    );
    await writeFile(garbage, "");
    expect(await status(orthanc.upload(garbage))).toMatch(/status 400/);
  });
});

test.each(["../../system#", "..%2F..%2Fsystem?", "a/b", "", UNKNOWN.slice(1), `${UNKNOWN}\n`])(
  "%j is not an id: no request is sent",
  async (id) => {
    const file = path.join(folder, "none.dcm");
    await expect(orthanc.download(id, file)).rejects.toThrow("is not the id of an instance");
    await expect(stat(file)).rejects.toThrow("ENOENT");
  },
);

describe("how Orthanc answers", () => {
  const ask = (path: string, init = {}) => server.request(path, init);

  test("an escaped slash in a path is a slash: to escape an id does not keep it in its place", async () => {
    const id = encodeURIComponent("../../system");
    const answer = await ask(`/instances/x/${id}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toHaveProperty("DicomAet");
  });

  test("a form with a file is stored, and gets 200 with an empty body; one that is no DICOM gets 400", async () => {
    const count = async () => ((await (await ask("/instances")).json()) as string[]).length;
    const head = `Content-Disposition: form-data; name="file"; filename="file.dcm"`;
    const send = async (file: string) => {
      const answer = await ask("/instances", {
        method: "POST",
        headers: { "content-type": "multipart/form-data; boundary=line" },
        body: Buffer.from(`--line\r\n${head}\r\n\r\n${file}\r\n--line--\r\n`, "latin1"),
      });
      return { status: answer.status, text: await answer.text() };
    };
    const file = path.join(server.installation.testFiles, "MR_small.dcm");
    const before = await count();
    expect(await send(await readFile(file, "latin1"))).toEqual({ status: 200, text: "" });
    expect(await count()).toBe(before + 1);
    expect(await send("no DICOM")).toMatchObject({ status: 400 });
    expect(await count()).toBe(before + 1);
  });

  test("HEAD of a file gets 404, though GET gets 200", async () => {
    const { id } = await orthanc.upload(small);
    expect((await ask(`/instances/${id}/file`, { method: "HEAD" })).status).toBe(404);
    expect((await ask(`/instances/${id}/file`)).status).toBe(200);
  });

  test("an error in JSON has no Content-Type", async () => {
    const answer = await ask("/nowhere");
    expect(answer.headers.get("content-type")).toBeNull();
    expect(await answer.json()).toMatchObject({ HttpStatus: 404 });
  });

  test("create-dicom stores what it makes, and answers like an upload", async () => {
    const body = JSON.stringify({ Tags: { PatientName: "A^B" } });
    const answer = await ask("/tools/create-dicom", { method: "POST", body });
    const { ID, Status } = (await answer.json()) as { ID: string; Status: string };
    expect(Status).toBe("Success");
    expect((await ask(`/instances/${ID}`)).status).toBe(200);
  });

  test("it listens on IPv4 only", async () => {
    await expect(fetch(server.url.replace("127.0.0.1", "[::1]"))).rejects.toThrow("fetch failed");
  });
});

test("shutdown answers before Orthanc has ended", async () => {
  const other = await startOrthanc();
  let ended = false;
  const end = other.ended.then(() => {
    ended = true;
  });
  expect((await other.request("/tools/shutdown", { method: "POST" })).status).toBe(200);
  expect(ended).toBe(false);
  await end;
  await other.stop();
});
