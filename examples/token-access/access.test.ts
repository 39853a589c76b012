/** What a token opens, how it ends, where it can be seen; and users who may only read. */
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { fetch } from "undici";
import { describe, expect, test } from "vitest";
import { EXAMPLES, readProgram } from "../../src/catalogue/catalogue.ts";
import { readTokens } from "../../src/harness/credentials.ts";
import { bridgeOptions, type StartOptions, startProgram } from "../../src/harness/program.ts";
import { commandLine, descendants, environment } from "../../src/linux/processes.js";
import { findNode } from "../../src/node/node.ts";
import type { Orthanc, OrthancOptions } from "../../src/orthanc/server.ts";
import { LANGUAGES, type Language } from "../../src/protocol/programs.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const { startExample, startPlugin, track } = useOrthancs();

async function start(script = "access.py", options: StartOptions = {}) {
  const program = await readProgram("token-access", "Authentication on");
  return track(await startProgram({ ...program, script }, options));
}

async function firstToken(orthanc: Orthanc): Promise<string> {
  const [token = ""] = await readTokens(orthanc);
  expect(token).toMatch(/^Bearer [\da-f-]{36}$/);
  return token;
}

function ask(orthanc: Orthanc, path: string, authorization: string, method = "GET", body?: string) {
  return fetch(orthanc.url + path, { method, body, headers: { authorization } });
}

test("a token lets its holder write and delete, with no more than the header", async () => {
  const orthanc = await start();
  const token = await firstToken(orthanc);
  const body = JSON.stringify({ Tags: { PatientName: "A^B" } });
  const made = await ask(orthanc, "/tools/create-dicom", token, "POST", body);
  const { ID } = (await made.json()) as { ID: string };
  expect((await ask(orthanc, `/instances/${ID}`, token, "DELETE")).status).toBe(200);
  expect((await ask(orthanc, `/instances/${ID}`, token)).status).toBe(404);
});

test("a token ends with /tools/reset, which makes the plugin load anew", async () => {
  const orthanc = await start();
  const token = await firstToken(orthanc);
  expect((await ask(orthanc, "/instances", token)).status).toBe(200);
  await ask(orthanc, "/tools/reset", token, "POST");
  const another = () =>
    readTokens(orthanc).then(
      ([made]) => made !== token,
      () => false,
    );
  await expect.poll(another, { timeout: 20_000 }).toBe(true);
  const status = async (sent: string) =>
    ask(orthanc, "/instances", sent).then(
      (answer) => answer.status,
      () => undefined,
    );
  await expect.poll(async () => status(await firstToken(orthanc)), { timeout: 20_000 }).toBe(200);
  expect(await status(token)).toBe(401);
});

describe("where a token can be seen", () => {
  test("every callback reads its caller's token", async () => {
    const orthanc = await start();
    const token = await firstToken(orthanc);
    expect(await (await ask(orthanc, "/caller", token)).text()).toBe(token);
  });

  test("Orthanc's log shows it at the level trace, and not at the level verbose", async () => {
    const orthanc = await start();
    const token = await firstToken(orthanc);
    for (const [level, shown] of [
      ["verbose", false],
      ["trace", true],
    ] as const) {
      await orthanc.request("/tools/log-level", { method: "PUT", body: level });
      await ask(orthanc, "/instances", token);
      await expect.poll(async () => (await orthanc.log()).includes(token)).toBe(shown);
    }
  });

  test.each(LANGUAGES)("%s: no command line of rest-token has it", async (twin) => {
    const orthanc = await startExample("rest-token", twin);
    expect((await orthanc.request("/computation")).status).toBe(200);
    const processes = [orthanc.pid, ...descendants(orthanc.pid)];
    expect(processes.length).toBeGreaterThan(1);
    const withToken = processes.flatMap((pid) => [
      ...(commandLine(pid).includes("Bearer ") ? ["cmdline"] : []),
      ...(environment(pid).some((variable) => variable.includes("Bearer ")) ? ["environ"] : []),
    ]);
    // Python's workers are forks, and have it in their memory. Node reads it in its environment.
    expect(withToken).toEqual(twin === "python" ? [] : ["environ"]);
  });

  test("every user can read a command line, and its owner alone the environment", async () => {
    const mode = async (name: string) => (await stat(`/proc/self/${name}`)).mode & 0o777;
    expect(await mode("cmdline")).toBe(0o444);
    expect(await mode("environ")).toBe(0o400);
  });
});

describe("users who may only read", () => {
  const ADMIN = "a password of the test";
  const VIEWER = "another one";
  const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;
  const users = { admin: ADMIN, viewer: VIEWER };

  test("get 403 for whatever is no GET, while other users do all", async () => {
    const orthanc = await start("read_only.py", {
      users,
      configuration: { ReadOnlyUsers: ["viewer"] },
    });
    const viewer = basic("viewer", VIEWER);
    expect((await ask(orthanc, "/instances", viewer)).status).toBe(200);
    for (const [method, path] of [
      ["POST", "/tools/lookup"],
      ["PUT", "/tools/log-level"],
      ["DELETE", "/instances/none"],
    ] as const) {
      expect((await ask(orthanc, path, viewer, method)).status, `${method} ${path}`).toBe(403);
    }
    const log = await ask(orthanc, "/tools/log-level", basic("admin", ADMIN), "PUT", "default");
    expect(log.status).toBe(200);
    expect((await ask(orthanc, "/instances", basic("viewer", "wrong"))).status).toBe(401);
  });

  describe("beside a plugin that imports the filter", () => {
    const read = (file: string) => readFile(path.join(EXAMPLES, file), "utf8");

    const startWithFilter = async (plugin: string, { files, ...options }: OrthancOptions = {}) =>
      startPlugin(`import read_only\n${plugin}`, {
        ...options,
        files: { ...files, "read_only.py": await read("token-access/read_only.py") },
        users,
        configuration: { ...options.configuration, ReadOnlyUsers: ["viewer"] },
      });

    async function startBeside(twin: Language): Promise<Orthanc> {
      if (twin === "python") {
        return startWithFilter(await read("blocking-computation/plugin.py"));
      }
      const files = {
        "bridge.py": await read("bridge/bridge.py"),
        "plugin.ts": await read("blocking-computation/plugin.ts"),
      };
      return startWithFilter(
        "import bridge\n",
        bridgeOptions(await findNode(), files, ["/computation"]),
      );
    }

    test.each(LANGUAGES)("get 403 for whatever is no GET to its routes, too: %s", async (twin) => {
      const orthanc = await startBeside(twin);
      const status = async (user: string, method: string) =>
        (await ask(orthanc, "/computation", user, method)).status;
      expect(await status(basic("viewer", VIEWER), "GET")).toBe(200);
      expect(await status(basic("viewer", VIEWER), "POST")).toBe(403);
      expect(await status(basic("admin", ADMIN), "POST")).toBe(405);
    });

    test("need that filter alone: with another one in the plugin, Orthanc does not start", async () => {
      const another = "import orthanc\northanc.RegisterIncomingHttpRequestFilter(print)\n";
      await expect(startWithFilter(another)).rejects.toThrow("Can only register one");
    });
  });

  test.each([
    [
      "a name that is not a user",
      { ReadOnlyUsers: ["veiwer"] },
      'not in "RegisteredUsers": ["veiwer"]',
    ],
    ["no names", {}, '"ReadOnlyUsers" must list names of users'],
    [
      "no authentication",
      { ReadOnlyUsers: ["viewer"], AuthenticationEnabled: false },
      '"AuthenticationEnabled" must be true',
    ],
  ])("%s keeps Orthanc from starting, and its log says why", async (_name, configuration, why) => {
    await expect(start("read_only.py", { users, configuration })).rejects.toThrow(why);
  });
});
