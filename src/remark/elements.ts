/** The elements that a page can contain, and what each becomes. This table is the only one. */
import path from "node:path";
import { readScenario } from "../catalogue/catalogue.ts";
import { readMutationsFile } from "../catalogue/mutations.ts";
import { licensedFor } from "../licenses/packages.ts";
import type { Code, PageElements } from "../protocol/page.ts";
import { LANGUAGES, VARIANTS } from "../protocol/programs.ts";
import { diffPrograms } from "./diff.ts";
import { checkTwins, type MarkedFile } from "./regions.ts";
import { readBenchmark, readMarked, readMarkedProgram, readRecord } from "./sources.ts";

/** The page that contains an element. */
export interface PageContext {
  /** The repository's folder. */
  root: string;
  /** Makes the blocks that show a region of files; without one, those that show the whole files. */
  show(files: MarkedFile[], region: string | undefined): Promise<Code[]>;
}

/** An element that a page can contain. */
interface PageElement<Name extends keyof PageElements> {
  attributes: Record<string, "required" | "optional">;
  /** The component that it becomes. */
  component: Name;
  /** The files and folders that it depends on, below the repository's folder. */
  dependencies(given: Record<string, string>): string[];
  /**
   * Makes the properties of the component.
   * @throws Error with the reason if an attribute's value is wrong
   */
  read(given: Record<string, string>, page: PageContext): Promise<PageElements[Name]>;
}

const element = <Name extends keyof PageElements>(one: PageElement<Name>) => one;

const ofExample = ({ example }: Record<string, string>) => [
  `examples/${example}`,
  `static/runs/${example}.json`,
];

export const ELEMENTS = {
  /** Both twins of an example, whole; with a region, that region of both. */
  Twins: element({
    attributes: { example: "required", region: "optional" },
    component: "Twins",
    dependencies: ofExample,
    async read({ example = "", region }, { root, show }) {
      const { programs, twins } = await readScenario(example, path.join(root, "examples"));
      if (!twins) throw new Error(`"${example}" has no twins.`);
      const [python = [], typescript = []] = await Promise.all(
        programs.map((program) => readMarkedProgram(root, program)),
      );
      checkTwins(python, typescript);
      return {
        python: await show(python, region),
        typescript: await show(typescript, region),
        ...(region === undefined && { scenario: example }),
      };
    },
  }),

  /** One file below `examples/`, or a region of it. */
  Source: element({
    attributes: { file: "required", region: "optional" },
    component: "CodeBlock",
    dependencies: ({ file }) => [`examples/${file}`],
    async read({ file = "", region }, { root, show }) {
      const marked = await readMarked(root, path.posix.join("examples", file));
      const [code] = await show([marked], region);
      return { code: code as Code };
    },
  }),

  /** The recorded run of an example. */
  RecordedRun: element({
    attributes: { example: "required" },
    component: "RecordedRun",
    dependencies: ofExample,
    async read({ example = "" }, { root }) {
      const scenario = await readScenario(example, path.join(root, "examples"));
      if (!scenario.twins) throw new Error(`"${example}" has no twins.`);
      return { record: await readRecord(root, scenario) };
    },
  }),

  /** The failing or the fixed programs of a hazard, each with its recorded run; whole, or a region of them. */
  Hazard: element({
    attributes: { name: "required", variant: "required", region: "optional" },
    component: "Hazard",
    dependencies: ({ name }) => ofExample({ example: `hazards/${name}` }),
    async read({ name, variant = "", region }, { root, show }) {
      if (!VARIANTS.some((known) => known === variant)) {
        throw new Error(`a hazard's variant is "failing" or "fixed", not "${variant}".`);
      }
      const scenario = await readScenario(`hazards/${name}`, path.join(root, "examples"));
      const { runs, ...origin } = await readRecord(root, scenario);
      const programs = LANGUAGES.map(async (language) => {
        const same = (one: { language: string; variant?: string }) =>
          one.language === language && one.variant === variant;
        const filesOf = async (wanted: string) => {
          const program = scenario.programs.find(
            (one) => one.language === language && one.variant === wanted,
          );
          return program ? readMarkedProgram(root, program) : [];
        };
        const files = await filesOf(variant);
        return {
          language,
          code: await show(files, region),
          ...(variant === "fixed" && {
            changes: await diffPrograms(await filesOf("failing"), files),
          }),
          run: runs.find(same),
          impossible: scenario.impossible.find(same)?.reason,
        };
      });
      return { scenario: scenario.id, programs: await Promise.all(programs), origin };
    },
  }),

  /** The recorded access table. */
  AccessTable: element({
    attributes: { example: "required" },
    component: "AccessTable",
    dependencies: ofExample,
    async read({ example = "" }, { root }) {
      const scenario = await readScenario(example, path.join(root, "examples"));
      if (!scenario.table) throw new Error(`"${example}" has no columns: it is not a table.`);
      return { record: await readRecord(root, scenario) };
    },
  }),

  /** The result of a benchmark. */
  Benchmark: element({
    attributes: { name: "required" },
    component: "Benchmark",
    dependencies: ({ name }) => [`static/benchmarks/${name}.json`],
    read: async ({ name = "" }, { root }) => ({ benchmark: await readBenchmark(root, name) }),
  }),

  /** The table of broken programs, with the check that notices each. */
  Mutations: element({
    attributes: {},
    component: "Mutations",
    dependencies: () => ["src/catalogue/mutations.json"],
    async read(_, { root }) {
      const { checks, mutations } = await readMutationsFile(root);
      const rows = mutations.map(({ what, id, file, caughtBy, report }) => {
        return { what, program: `${id}/${file}`, caughtBy: checks[caughtBy], report };
      });
      return { rows };
    },
  }),

  /** The packages whose code the pages contain; `for="twins"`: those that twins import. */
  Licenses: element({
    attributes: { for: "required" },
    component: "Licenses",
    dependencies: () => ["package-lock.json", "src/licenses/shipped.json"],
    async read({ for: recipient }, { root }) {
      if (recipient !== "pages" && recipient !== "twins") {
        throw new Error(`licenses are shown for "pages" or "twins", not for "${recipient}".`);
      }
      return { packages: await licensedFor(root, recipient) };
    },
  }),
};

/** The name of an element that a page can contain. */
export type ElementName = keyof typeof ELEMENTS;

/** Tells if a page's element is one of ours. */
export function isElementName(name: string | null | undefined): name is ElementName {
  return Object.hasOwn(ELEMENTS, name ?? "");
}
