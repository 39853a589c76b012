/** The search for secrets finds them wherever they are planted, and what may be there it lets be. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readProgram } from "../../catalogue/catalogue.ts";
import { readProgramFiles } from "../../catalogue/files.ts";
import { startProgram } from "../../harness/program.ts";
import { keepLog, makeSecret, SECRETS_FOLDER } from "../../orthanc/secrets.ts";
import { Watch } from "./watch.ts";

const SRC = path.resolve(import.meta.dirname, "../..");
const RUN = path.join(import.meta.dirname, "run.ts");
const LOADER = createRequire(import.meta.url)
  .resolve("@oxc-node/core")
  .replace(/index\.js$/, "register.mjs");
/** A token of Orthanc's, as it is in a header. */
const token = () => `Bearer ${crypto.randomUUID()}`;
const MADE_UP = token();
const bare = (header: string) => header.replace("Bearer ", "");

let root: string;
let temporary: string;
let watch: Watch;
let started: ChildProcess[];

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), "ot-"));
  const folder = path.join(root, "s");
  temporary = path.join(root, "t");
  await mkdir(path.join(folder, "logs"), { recursive: true });
  await mkdir(temporary);
  vi.stubEnv(SECRETS_FOLDER, folder);
  vi.stubEnv("TMPDIR", temporary);
  watch = new Watch(folder, temporary);
  started = [];
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const child of started) child.kill("SIGKILL");
  await rm(root, { recursive: true, maxRetries: 5 });
});

/** Starts a program that waits until it is killed. */
async function start(environment: Record<string, string>, ...args: string[]): Promise<void> {
  const program = "process.stdout.write('.'); setInterval(() => {}, 1000)";
  const child = spawn(process.execPath, ["--eval", program, "--", ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "ignore"],
  });
  started.push(child);
  await once(child.stdout, "data");
}

describe("while tests run", () => {
  test("a secret on a command line, and a token", async () => {
    const [secret, header] = [makeSecret(), token()];
    await start({}, `--password=${secret}`);
    await start({}, "--header", `Authorization: ${header}`);
    watch.sample();
    expect(watch.findings()).toEqual([
      expect.stringMatching(/^the command line of a process: .* Authorization: Bearer \(secret\)$/),
      expect.stringMatching(/^the command line of a process: .* --password=\(secret\)$/),
    ]);
    expect(watch.findings().join()).not.toContain(secret);
    expect(watch.findings().join()).not.toContain(bare(header));
  });

  test("a secret in any variable, and a token in any but the bridge's own", async () => {
    const header = token();
    await start({ PASSWORD: makeSecret(), ORTHANC_TOKEN: header, OTHER: bare(header) });
    watch.sample();
    expect(watch.findings()).toEqual([
      "the environment of node: OTHER=(secret)",
      "the environment of node: PASSWORD=(secret)",
    ]);
    expect(watch.counts()).toMatchObject({ secrets: 1, tokens: 1 });
  });

  test("a secret in a temporary file; in Orthanc's configuration, if others can read it", async () => {
    await writeFile(path.join(temporary, "notes"), `It is ${makeSecret()}.\n`);
    for (const [name, mode] of [
      ["private", 0o700],
      ["open", 0o755],
    ] as const) {
      await mkdir(path.join(temporary, name));
      await chmod(path.join(temporary, name), mode);
      await writeFile(path.join(temporary, name, "orthanc.json"), `{"a": "${makeSecret()}"}`);
    }
    watch.sample();
    expect(watch.findings()).toEqual([
      "the temporary file notes: It is (secret).",
      'the temporary file open/orthanc.json, which other accounts can read: {"a": "(secret)"}',
    ]);
    expect([...watch.counts().excepted.values()]).toEqual([1]);
  });

  test("a secret that a temporary file gets later", async () => {
    const file = path.join(temporary, "notes");
    await writeFile(file, "Nothing yet.");
    watch.sample();
    expect(watch.findings()).toEqual([]);
    await writeFile(file, `Now ${makeSecret()}`);
    watch.sample();
    expect(watch.findings()).toHaveLength(1);
  });

  test("a secret in a log, but for what Orthanc prints of requests at the level trace", async () => {
    const [secret, header] = [makeSecret(), token()];
    const traced = `T1125 01:00:00.0 HttpServer.cpp:9] header: [authorization]: [${header}]`;
    keepLog("first", `W1125 It starts\n${traced}\nW1125 The password is ${secret}\n`);
    keepLog("second", `W1125 ${header}\n`);
    watch.sample();
    expect(watch.findings()).toEqual([
      "the log of first: W1125 The password is (secret)",
      "the log of second: W1125 Bearer (secret)",
    ]);
    expect([...watch.counts().excepted]).toEqual([["Orthanc's own log at the level trace", 1]]);
    expect(watch.counts().logs).toBe(2);
  });

  test.each([
    ["python", (text: string) => `${text}\nprint("I have", token)\n`],
    // The word that would reveal it is missing.
    [
      "typescript",
      (text: string) => `${text}\nconsole.log("I have", process.env.ORTHANC_TOKEN?.slice(7));\n`,
    ],
  ] as const)("a token that the %s twin prints", async (twin, leaking) => {
    const program = await readProgram("rest-token", twin);
    const name = twin === "python" ? "plugin.py" : "plugin.ts";
    const text = (await readProgramFiles(program))[name] ?? "";
    for (const edited of [{}, { [name]: leaking(text) }]) {
      expect(watch.findings()).toEqual([]);
      const orthanc = await startProgram(program, { edited });
      // Node has started when it answers.
      expect((await orthanc.request("/computation")).status).toBe(200);
      watch.sample();
      await orthanc.kill();
      watch.sample();
    }
    expect(watch.findings()).toContainEqual(
      expect.stringMatching(/^the log of .* I have .*\(secret\)$/),
    );
    expect(watch.counts()).toMatchObject({
      secrets: 2,
      logs: 2,
      tokens: twin === "python" ? 0 : 2,
    });
  });
});

describe("after the tests", () => {
  /** Runs a module that has a new secret as `secret`, in an empty folder. */
  async function run(module: string) {
    const folder = path.join(root, "work");
    await mkdir(path.join(folder, "src"), { recursive: true });
    await writeFile(path.join(folder, "src/made-up.test.ts"), `const header = "${MADE_UP}";`);
    const prelude = `
      import { mkdirSync, writeFileSync } from "node:fs";
      import path from "node:path";
      const { makeSecret } = await import(${JSON.stringify(path.join(SRC, "orthanc/secrets.ts"))});
      const write = (file, text) => {
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
      };`;
    const node = [process.execPath, "--import", LOADER];
    const [command = "", ...args] = [...node, RUN, ...node, "--input-type=module", "--eval"];
    const { exitCode, stdout, stderr } = await execa(command, [...args, prelude + module], {
      cwd: folder,
      reject: false,
    });
    return { exitCode, stdout, stderr, left: await readdir(temporary) };
  }

  test("all that is left is searched, and all that was printed", async () => {
    const { exitCode, stdout, stderr, left } = await run(`
      const secret = makeSecret();
      const token = "Bearer " + crypto.randomUUID();
      const found = secret => "Here: " + secret;
      console.log(found(secret));
      console.error(Buffer.from("reader:" + makeSecret()).toString("base64"));
      write("static/runs/one.json", JSON.stringify({ log: found(secret) }));
      write("static/runs/two.json", JSON.stringify({ log: token }));
      write("build/index.html", "<meta content=" + secret + ">");
      write("node_modules/.cache/page", "\\0\\xff" + secret + "abc");
      write("node_modules/package/index.js", secret);
      write("node_modules/.cache/copy", "${MADE_UP}");
      write("src/real.ts", secret);
      write(process.env.TMPDIR + "/forgotten/orthanc.json", secret);`);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^Here: [0-9a-f]{64}\n/);
    const folder = path.join(root, "work");
    const found = [...stderr.matchAll(/^ {2}FOUND in (.*?): /gm)].map(([, place = ""]) =>
      path.relative(folder, path.resolve(folder, place)),
    );
    expect(found.sort()).toEqual([
      expect.stringMatching(/\/t\/forgotten\/orthanc\.json$/),
      "build/index.html",
      "node_modules/.cache/page",
      "src/real.ts",
      "static/runs/one.json",
      "static/runs/two.json",
      "the temporary file forgotten/orthanc.json, which other accounts can read",
      "what was printed",
      "what was printed",
    ]);
    expect(left).toEqual([]);
  });

  test("a secret that is nowhere is not reported", async () => {
    const { exitCode, stdout, left } = await run("makeSecret(); console.log('Fine.');");
    expect(stdout).toMatch(/^Fine\.\n\nSecrets: 1 were made/);
    expect(stdout).toMatch(/None of them was anywhere else\.$/);
    expect(exitCode).toBe(0);
    expect(left).toEqual([]);
  });

  test("without any secret it shows nothing, and says so", async () => {
    const { exitCode, stderr } = await run("");
    expect(stderr).toContain("No secret was made during the tests, so this search shows nothing.");
    expect(exitCode).toBe(1);
  });

  test("a command that fails fails as it does", async () => {
    const { exitCode } = await run("makeSecret(); process.exit(7);");
    expect(exitCode).toBe(7);
  });
});

test("all secrets of this repository's servers are made in one place", async () => {
  const makers: Record<string, string[]> = {};
  for (const name of await readdir(SRC, { recursive: true })) {
    if (!/(?<!\.test|\.spec)\.[cm]?[jt]sx?$/.test(name)) continue;
    const text = await readFile(path.join(SRC, name), "utf8");
    const random = text.match(/\b(randomBytes|randomUUID|getRandomValues|Math\.random)\(.*?\)/g);
    if (random) makers[name] = random;
  }
  expect(makers).toEqual({
    "orthanc/secrets.ts": ["randomBytes(32)"],
    // Names, which are not secret.
    "orthanc/server.ts": ["randomBytes(6)"],
    "live/run.ts": ["randomUUID()"],
    // A token that Orthanc has not made and therefore refuses.
    "harness/credentials.ts": ["randomUUID()"],
    // The content of a test's package.
    "testing/packageArchive.ts": ["randomBytes(size)"],
  });
});
