import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { useOrthancs } from "../../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();

/** Sends an instance to the failing Python program, changed. */
async function upload(change: (text: string) => string) {
  const orthanc = await startExample("hazards/callback-by-token", "failing python", {
    edited: ({ "plugin.py": text = "" }) => ({ "plugin.py": change(text) }),
  });
  const body = await readFile(path.join(orthanc.installation.testFiles, "CT_small.dcm"));
  const { status } = await orthanc.request("/instances", { method: "POST", body });
  const instances = (await (await orthanc.request("/instances")).json()) as string[];
  return { status, instances, log: await orthanc.log() };
}

test("the same worker with a user and a password is answered", async () => {
  const { status, log } = await upload((text) =>
    text.replace(
      /^token = .*$/m,
      [
        "import base64",
        'users = json.loads(orthanc.GetConfiguration())["RegisteredUsers"]',
        'user = ":".join(list(users.items())[0])',
        'token = "Basic " + base64.b64encode(user.encode()).decode()',
      ].join("\n"),
    ),
  );
  expect(log).toContain("There are 0 instances");
  expect(status).toBe(200);
});

test("the wait ends when the worker's request times out, and Orthanc keeps the instance", async () => {
  const { status, instances, log } = await upload((text) =>
    text.replace("timeout=DEADLINE", "timeout=2"),
  );
  expect(log).toContain("ReadTimeout");
  expect(status).toBe(200);
  expect(instances).toHaveLength(1);
});
