/** Reads texts of DICOM files, which name their character sets. */
import type { DataSet } from "dicom-parser";

/** TextDecoder's names of DICOM's character sets, by their numbers or names. */
const CHARSETS: Record<string, string> = {
  13: "shift_jis",
  58: "gb2312",
  87: "iso-2022-jp",
  100: "latin1",
  101: "iso-8859-2",
  109: "iso-8859-3",
  110: "iso-8859-4",
  126: "iso-8859-7",
  127: "iso-8859-6",
  138: "iso-8859-8",
  144: "iso-8859-5",
  148: "iso-8859-9",
  149: "euc-kr",
  166: "tis-620",
  192: "utf-8",
  GB18030: "gb18030",
  GBK: "gbk",
};
/** Escape sequences that gb2312 and euc-kr do not need, and would keep. */
const ESCAPES = ["\x1b$)A", "\x1b$)C", "\x1b(B"];

/**
 * A text in its file's character set. If there are several, the last one
 * counts: the first is usually ASCII. An unknown one is taken for Latin-1.
 */
export function textOf(dataset: DataSet, tag: string): string {
  const names = dataset.string("x00080005")?.split("\\") ?? [];
  const name = names.at(-1)?.replace(/^ISO(_| 2022 )IR /, "") ?? "";
  const decoder = new TextDecoder(CHARSETS[name] ?? "latin1");
  const { dataOffset = 0, length = 0 } = dataset.elements[tag] ?? {};
  const bytes = dataset.byteArray.subarray(dataOffset, dataOffset + length);
  let text = decoder.decode(bytes).replaceAll("\0", "");
  for (const sequence of ESCAPES) text = text.replaceAll(sequence, "");
  return text.trim();
}
