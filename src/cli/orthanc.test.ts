import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { readProgram } from "../catalogue/catalogue.ts";
import { useCommands } from "../testing/runCommand.ts";

/** The stack of an error, which must not be printed for readers. */
const STACK = /^\s+at .*\d+:\d+/m;
const TOKEN = /Bearer /;

const { run, start, temporaryFiles, expectCleanEnd } = useCommands();

describe("npm run orthanc", () => {
  test.each(["python", "typescript"])(
    "prints how to try the %s twin, and leaves nothing",
    async (twin) => {
      const orthanc = await start(
        "Ctrl-C ends it.",
        "orthanc",
        "--example",
        "rest-token",
        "--program",
        twin,
      );
      const { printed } = orthanc;
      const value = (name: string) =>
        new RegExp(`^ *${name} +(\\S+)$`, "m").exec(printed)?.[1] ?? `(no ${name})`;
      expect(printed).toContain(`Orthanc serves the program "${twin}" of rest-token.`);
      expect(printed).not.toMatch(TOKEN);
      const url = value("URL");
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect((await fetch(`${url}/computation`)).status).toBe(401);

      const line = /^ +(curl .*)$/m.exec(printed)?.[1] ?? "(no curl line)";
      expect(line).toContain(`'${url}/computation'`);
      expect(line).not.toContain(value("password"));
      const said = await execa("sh", ["-c", line], { reject: false });
      let body = said.stdout;
      if (said.exitCode === 127) {
        console.warn("Skipped: the curl line as printed, for this machine has no curl");
        const authorization = `Basic ${btoa(`${value("user")}:${value("password")}`)}`;
        body = await (await fetch(`${url}/computation`, { headers: { authorization } })).text();
      }
      const { instances } = await readProgram("rest-token", "python");
      expect(JSON.parse(body)).toHaveLength(instances.length);

      await expectCleanEnd(
        [orthanc],
        [Number(new URL(url).port), Number(new URL(`http://${value("DICOM")}`).port)],
      );
    },
  );

  test("says how it ended when Orthanc ends by itself", async () => {
    const orthanc = await start("Ctrl-C ends it.", "orthanc", "--example", "rest-token");
    const [, user, password] = /user +(\S+)\s+password +(\S+)/.exec(orthanc.printed) ?? [];
    const url = /http:\S+/.exec(orthanc.printed)?.[0];
    const authorization = `Basic ${btoa(`${user}:${password}`)}`;
    await fetch(`${url}/tools/shutdown`, { method: "POST", headers: { authorization } });
    await orthanc.exit;
    expect(orthanc.child.exitCode).toBe(1);
    expect(await temporaryFiles()).toEqual([]);
  });

  test.each([
    ["an unknown example", ["--example", "no-such-example"], 2, /no example "no-such-example"/],
    [
      "an unknown program",
      ["--example", "rest-token", "--program", "cobol"],
      2,
      /rest-token has no program "cobol". Its programs are: python, typescript/,
    ],
    ["no example", [], 1, /required option '--example <id>' not specified/],
  ])("with %s ends with an error in words", async (_, args, code, words) => {
    const { exitCode, stdout, stderr } = await run("orthanc", ...args);
    expect(exitCode).toBe(code);
    expect(stdout).toBe("");
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(STACK);
  });
});
