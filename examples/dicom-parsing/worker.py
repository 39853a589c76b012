"""Parses DICOM files in worker processes, which must not use `orthanc`."""

import io
from typing import Any, Optional

import pydicom


# region parse
def summarise(file: bytes) -> dict:
    """Picks a few attributes. One that the file lacks is None."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    return {
        "transferSyntax": dataset.file_meta.TransferSyntaxUID,
        "sopClass": text(dataset.get("SOPClassUID")),
        "modality": text(dataset.get("Modality")),
        "rows": dataset.get("Rows"),
        "columns": dataset.get("Columns"),
        "frames": int(dataset.get("NumberOfFrames") or 1),
        "elements": len(dataset),
    }


def text(value: Any) -> Optional[str]:
    """One text, also of an element that has several."""
    if value is None or isinstance(value, str):
        return value
    return "\\".join(value)


# endregion

# region dump
TEXTS = {"AE", "CS", "DA", "DS", "IS", "LO", "PN", "SH", "TM", "UI"}


def dump(file: bytes) -> str:
    """Lists all elements: tag, type, and the value if it is a short text."""
    dataset = pydicom.dcmread(io.BytesIO(file))
    return "".join(f"{describe(element)}\n" for element in dataset)


def describe(element: pydicom.DataElement) -> str:
    tag = f"({element.tag.group:04x},{element.tag.element:04x}) "
    name = tag + element.VR  # It can be a member of an enumeration.
    if element.VR not in TEXTS or element.is_empty:
        return name
    values = element.value if element.VM > 1 else [element.value]
    return f"{name} " + "\\".join(map(str, values))


# endregion
