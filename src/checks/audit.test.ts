/** `npm run audit`, with npm itself and a registry on this machine that knows what a test says. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";

const AUDIT = path.join(import.meta.dirname, "audit.ts");
const DAY = 24 * 60 * 60 * 1000;

let folder: string;
let registry: Server;
/** The known vulnerabilities of packages, by name. */
let advisories: Record<string, object[]>;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "audit-"));
  advisories = {};
  registry = createServer((request, response) => {
    request.resume();
    response.statusCode = request.method === "POST" ? 200 : 404;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(request.method === "POST" ? advisories : {}));
  }).listen(0, "127.0.0.1");
  await once(registry, "listening");
});
afterEach(async () => {
  registry.close();
  await rm(folder, { recursive: true });
});

async function audit(exceptions: object[] = []) {
  const file = path.join(folder, "exceptions.json");
  await writeFile(file, JSON.stringify(exceptions));
  const address = registry.address() as AddressInfo | null;
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ["--import", "@oxc-node/core/register", AUDIT],
    {
      reject: false,
      env: {
        AUDIT_EXCEPTIONS: file,
        npm_config_registry: `http://127.0.0.1:${address?.port ?? 9}/`,
        npm_config_cache: path.join(folder, "cache"),
        npm_config_fetch_retries: "0",
      },
    },
  );
  return { exitCode, text: stdout + stderr };
}

function vulnerable(name: string, id: string): void {
  const url = `https://advisories.example/${id}`;
  advisories[name] = [
    { id: 1, url, title: "Reads too far", severity: "high", vulnerable_versions: "*", cwe: [] },
  ];
}
const day = (after: number) => new Date(Date.now() + after * DAY).toISOString().slice(0, 10);
const exception = (name: string, advisory: string, until: string) => ({
  package: name,
  advisory,
  reason: "It is never given more than a kilobyte.",
  until,
});

test("a known vulnerability is a problem unless it has an exception; the report names who is affected", async () => {
  vulnerable("dicom-parser", "GHSA-one");
  vulnerable("infima", "GHSA-two");
  vulnerable("pyright", "GHSA-three");
  const { exitCode, text } = await audit([
    exception("dicom-parser", "GHSA-one", day(1)),
    exception("infima", "GHSA-two", day(-2)),
    exception("undici", "GHSA-four", day(1)),
  ]);
  expect(exitCode).toBe(1);
  expect(text.split("\n")).toEqual([
    "excepted: dicom-parser: Reads too far (high)",
    "  https://advisories.example/GHSA-one",
    "  It reaches those who install a twin's packages.",
    `  Until ${day(1)}: It is never given more than a kilobyte.`,
    "PROBLEM: infima: Reads too far (high)",
    "  https://advisories.example/GHSA-two",
    "  It reaches readers of the pages.",
    `  Its exception has ended on ${day(-2)}.`,
    "PROBLEM: pyright: Reads too far (high)",
    "  https://advisories.example/GHSA-three",
    "  It reaches only those who build this site or run its tests.",
    "  Update the package, or except the advisory in src/checks/audit.json.",
    "PROBLEM: undici: the exception for GHSA-four is no longer needed: remove it.",
    "3 problems.",
  ]);
});

test("a known vulnerability with an exception is not a problem", async () => {
  vulnerable("dicom-parser", "GHSA-one");
  const { exitCode, text } = await audit([exception("dicom-parser", "GHSA-one", day(1))]);
  expect(text).toMatch(/^excepted: dicom-parser/);
  expect(text).toMatch(/No vulnerability is open\.$/);
  expect(exitCode).toBe(0);
});

test("an exception without a reason is refused", async () => {
  const { exitCode, text } = await audit([
    { ...exception("undici", "GHSA-one", day(1)), reason: "" },
  ]);
  expect(exitCode).toBe(1);
  expect(text).toContain("reason");
});

test("a service that does not answer is named, and nothing is called well", async () => {
  registry.removeAllListeners("request").on("request", (_, response) => {
    response.writeHead(405).end();
  });
  const { exitCode, text } = await audit();
  expect(exitCode).toBe(2);
  expect(text).toMatch(/^The audit service can't be reached, so nothing is known.*\n405 /);
});
