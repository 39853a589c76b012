/** Code inside a line of text. The remark plugin turns blocks of code into `CodeBlock`s. */
export { default } from "@theme/CodeInline";
