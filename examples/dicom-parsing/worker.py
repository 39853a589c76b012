"""Parses DICOM files in worker processes, which must not use `orthanc`."""

import io

import pydicom


# region parse
def parse(file: bytes) -> dict:
    """Summarises a DICOM file. An attribute that the file lacks is None."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    return {
        "transferSyntax": dataset.file_meta.TransferSyntaxUID,
        "sopClass": dataset.get("SOPClassUID"),
        "modality": dataset.get("Modality"),
        "rows": dataset.get("Rows"),
        "columns": dataset.get("Columns"),
        "frames": int(dataset.get("NumberOfFrames", 1)),
        "elements": len(dataset),
    }


# endregion
