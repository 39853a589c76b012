/** The components that pages can use without an import. */
import MDXComponents from "@theme-original/MDXComponents";
import { AccessTable } from "../../components/AccessTable.tsx";
import { Benchmark } from "../../components/Benchmark.tsx";
import { CodeBlock } from "../../components/CodeBlock.tsx";
import { Diagram } from "../../components/Diagram.tsx";
import { Hazard } from "../../components/Hazard.tsx";
import { Licenses } from "../../components/Licenses.tsx";
import { Mutations } from "../../components/Mutations.tsx";
import { RecordedRun } from "../../components/RecordedRun.tsx";
import { Twins } from "../../components/Twins.tsx";

export default {
  ...MDXComponents,
  Access: AccessTable,
  Benchmark,
  CodeBlock,
  Diagram,
  Hazard,
  Mutations,
  Licenses,
  RecordedRun,
  Twins,
};
