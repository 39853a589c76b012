/** The components that pages can use without an import. */
import MDXComponents from "@theme-original/MDXComponents";
import type { ComponentType } from "react";
import { AccessTable } from "../../components/AccessTable.tsx";
import { Benchmark } from "../../components/Benchmark.tsx";
import { CodeBlock } from "../../components/CodeBlock.tsx";
import { Diagram } from "../../components/Diagram.tsx";
import { Hazard } from "../../components/Hazard.tsx";
import { Licenses } from "../../components/Licenses.tsx";
import { Mutations } from "../../components/Mutations.tsx";
import { RecordedRun } from "../../components/RecordedRun.tsx";
import { Twins } from "../../components/Twins.tsx";
import type { PageElements } from "../../protocol/page.ts";

/** The components that the elements of a page become: `src/remark/elements.ts` makes their properties. */
const elements: { [Name in keyof PageElements]: ComponentType<PageElements[Name]> } = {
  AccessTable,
  Benchmark,
  CodeBlock,
  Diagram,
  Hazard,
  Licenses,
  Mutations,
  RecordedRun,
  Twins,
};

export default { ...MDXComponents, ...elements };
