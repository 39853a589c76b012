import dicomParser, { type DataSet } from "dicom-parser";
import { textOf } from "./text.ts";

// #region parse
/** A few attributes of a DICOM file. One that the file lacks is null. */
export interface Summary {
  transferSyntax: string;
  sopClass: string | null;
  modality: string | null;
  rows: number | null;
  columns: number | null;
  frames: number;
  elements: number;
}

/** Picks a few attributes, or returns undefined for a broken file. */
export function summarise(file: ArrayBuffer): Summary | undefined {
  return parse(file, (dataset) => ({
    transferSyntax: dataset.string("x00020010") ?? "",
    sopClass: dataset.string("x00080016") ?? null,
    modality: dataset.string("x00080060") ?? null,
    rows: dataset.uint16("x00280010") ?? null,
    columns: dataset.uint16("x00280011") ?? null,
    frames: dataset.intString("x00280008") ?? 1,
    elements: tagsOf(dataset).length,
  }));
}
// #endregion

function parse<T>(file: ArrayBuffer, read: (dataset: DataSet) => T) {
  try {
    return read(dicomParser.parseDicom(new Uint8Array(file)));
  } catch (error) {
    // Broken files make dicom-parser throw plain objects and strings, too.
    console.warn("Can't parse a DICOM file:", error);
  }
}

/** All tags after group 2, the header, which pydicom keeps apart. */
const tagsOf = ({ elements }: DataSet): string[] =>
  Object.keys(elements).filter((tag) => tag >= "x0003");

// #region dump
const TEXTS = ["AE", "CS", "DA", "DS", "IS", "LO", "PN", "SH", "TM", "UI"];

/** Lists all elements: tag, type, and the value if it is a short text. */
export function dump(file: ArrayBuffer): string | undefined {
  return parse(file, (dataset) => {
    const tags = tagsOf(dataset).sort();
    return tags.map((tag) => describe(dataset, tag)).join("");
  });
}

function describe(dataset: DataSet, tag: string): string {
  const { vr = "??" } = dataset.elements[tag] ?? {};
  const value = TEXTS.includes(vr) && textOf(dataset, tag);
  const name = `(${tag.slice(1, 5)},${tag.slice(5)}) ${vr}`;
  return value ? `${name} ${value}\n` : `${name}\n`;
}
// #endregion
