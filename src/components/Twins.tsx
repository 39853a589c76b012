import TabItem from "@theme/TabItem";
import Tabs from "@theme/Tabs";
import type { ReactNode } from "react";
import type { Code } from "../remark/code.ts";
import { CodeBlock } from "./CodeBlock.tsx";

/** Both twins of an example. The chosen language is chosen on all pages, and remembered. */
export function Twins({ python, typescript }: { python: Code[]; typescript: Code[] }): ReactNode {
  return (
    <Tabs groupId="language">
      <TabItem value="python" label="Python">
        {blocks(python)}
      </TabItem>
      <TabItem value="typescript" label="TypeScript">
        {blocks(typescript)}
      </TabItem>
    </Tabs>
  );
}

function blocks(codes: Code[]): ReactNode {
  return codes.map((code) => <CodeBlock key={code.file} code={code} />);
}
