/** Code inside a line of text. Blocks of code are `CodeBlock`s: the remark plugin sees to that. */
export { default } from "@theme/CodeInline";
