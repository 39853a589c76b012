import dicomParser from "dicom-parser";

// #region parse
/** The summary of a DICOM file. An attribute that the file lacks is null. */
export interface Summary {
  transferSyntax: string;
  sopClass: string | null;
  modality: string | null;
  rows: number | null;
  columns: number | null;
  frames: number;
  elements: number;
}

/** Summarises a DICOM file, in a worker; undefined if it can't be parsed. */
export default function parse(file: ArrayBuffer): Summary | undefined {
  try {
    const dataset = dicomParser.parseDicom(new Uint8Array(file));
    const tags = Object.keys(dataset.elements);
    return {
      transferSyntax: dataset.string("x00020010") ?? "",
      sopClass: dataset.string("x00080016") ?? null,
      modality: dataset.string("x00080060") ?? null,
      rows: dataset.uint16("x00280010") ?? null,
      columns: dataset.uint16("x00280011") ?? null,
      frames: dataset.intString("x00280008") ?? 1,
      // Group 2 is the file's header, which pydicom counts apart.
      elements: tags.filter((tag) => !tag.startsWith("x0002")).length,
    };
  } catch (error) {
    // Broken files make dicom-parser throw plain objects and strings, too.
    console.warn("Can't parse a DICOM file:", error);
  }
}
// #endregion
