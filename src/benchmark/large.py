"""Serves large answers from Python, from Node through the bridge beside it, and a small one."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/bridge"))

import bridge  # noqa: F401, E402  # pyright: ignore[reportUnusedImport, reportMissingImports]
import orthanc  # noqa: E402


def large(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers with as many bytes as the path says."""
    output.AnswerBuffer(b"x" * int(request["groups"][0]), "application/octet-stream")


def small(output: orthanc.RestOutput, uri: str, **request: Any) -> None:
    """Answers at once, unless something keeps the interpreter."""
    output.AnswerBuffer(b"x", "application/octet-stream")


orthanc.RegisterRestCallback("/python/([0-9]+)", large)
orthanc.RegisterRestCallback("/small", small)
