/**
 * `npm run audit`: asks the registry for known vulnerabilities of the packages in the lockfile, and fails unless
 * `audit.json` excepts each of them, with a reason and until a date. It is not part of `npm test`, because its result
 * changes without a change here.
 *
 * It exits with 0 without open vulnerabilities, with 1 if there is work to do, with 2 if the registry does not answer.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { installedForTwins, readShipped } from "../licenses/packages.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** The tests use another file. */
const FILE = process.env.AUDIT_EXCEPTIONS ?? path.join(import.meta.dirname, "audit.json");

const Exceptions = z.array(
  z.strictObject({
    /** The last part of its address, such as `GHSA-…`. */
    advisory: z.string().min(1),
    package: z.string().min(1),
    /** The reason why it is harmless here, or the measure against it. */
    reason: z.string().min(20),
    /** The last day of the exception, such as 2027-01-31. */
    until: z.iso.date(),
  }),
);

/** The part of npm's report, version 2, that we use. */
const Report = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(
    z.string(),
    z.object({
      /** The folders in which the package is installed, below the repository. */
      nodes: z.array(z.string()),
      /** Advisories, and the names of packages whose vulnerabilities affect it. */
      via: z.array(
        z.union([
          z.string(),
          z.object({ name: z.string(), title: z.string(), url: z.string(), severity: z.string() }),
        ]),
      ),
    }),
  ),
});

const exceptions = Exceptions.parse(JSON.parse(await readFile(FILE, "utf8")));
const npm = await execa("npm", ["audit", "--json"], { cwd: ROOT, reject: false });
const answer = readJson(npm.stdout);
const report = Report.safeParse(answer);
if (report.success) await judge(report.data);
else {
  const why = z.object({ message: z.string() }).safeParse(answer).data?.message ?? npm.stderr;
  console.error(
    `The audit service can't be reached, so nothing is known about vulnerabilities today.\n${why}\nTry again where npm reaches a registry that answers "npm audit".`,
  );
  process.exitCode = 2;
}

async function judge({ vulnerabilities }: z.infer<typeof Report>): Promise<void> {
  const [inPages, inTwins] = await Promise.all([readShipped(ROOT), installedForTwins(ROOT)]);
  const today = new Date().toISOString().slice(0, 10);
  const left = new Set(exceptions);
  let problems = 0;
  for (const { nodes, via } of Object.values(vulnerabilities)) {
    const folders = nodes.map((node) => node.replace(/^node_modules\//, ""));
    const reaches = folders.some((folder) => inTwins.includes(folder))
      ? "those who install a twin's packages"
      : folders.some((folder) => inPages.includes(folder))
        ? "readers of the pages"
        : "only those who build this site or run its tests";
    for (const advisory of via) {
      if (typeof advisory === "string") continue;
      const id = advisory.url.split("/").at(-1);
      const excepted = exceptions.find(
        (one) => one.advisory === id && one.package === advisory.name,
      );
      if (excepted) left.delete(excepted);
      const excuse = excepted && excepted.until >= today ? excepted : undefined;
      if (!excuse) problems += 1;
      console.log(
        `${excuse ? "excepted" : "PROBLEM"}: ${advisory.name}: ${advisory.title} (${advisory.severity})`,
      );
      console.log(`  ${advisory.url}\n  It reaches ${reaches}.`);
      if (excuse) console.log(`  Until ${excuse.until}: ${excuse.reason}`);
      else if (excepted) console.log(`  Its exception has ended on ${excepted.until}.`);
      else console.log("  Update the package, or except the advisory in src/checks/audit.json.");
    }
  }
  for (const { advisory, package: name } of left) {
    problems += 1;
    console.log(`PROBLEM: ${name}: the exception for ${advisory} is no longer needed: remove it.`);
  }
  console.log(problems === 0 ? "No vulnerability is open." : `${problems} problems.`);
  process.exitCode = problems === 0 ? 0 : 1;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
