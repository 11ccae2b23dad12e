"""Remembers beside generated trees how they were made, so that making them again is quick and safe."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lifeboat.errors import PreflightError

GENERATOR_VERSION = 2


class Marker:
    """A small JSON file: from which settings trees were generated, and whether that was finished."""

    def __init__(self, file: Path, trees: Sequence[Path], settings: Mapping[str, object]) -> None:
        self._file = file
        self._trees = tuple(trees)
        self._wanted = {"generator": GENERATOR_VERSION, **settings}

    def is_current(self) -> bool:
        """Return whether every tree is there and was generated whole from the same settings."""
        if not self._file.is_file() or not all(tree.is_dir() for tree in self._trees):
            return False
        return bool(json.loads(self._file.read_text()) == {**self._wanted, "complete": True})

    def claim(self) -> None:
        """Remove what an earlier generation left. Raise PreflightError if a tree there is not ours."""
        for tree in self._trees:
            if tree.exists() and not self._file.is_file():
                raise PreflightError(
                    f"The sample was not generated: {tree} exists and was not made by the sample generator.",
                    next_step="Choose another directory for the sample, or move that directory away.",
                )
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._write(complete=False)
        for tree in self._trees:
            if tree.exists():
                shutil.rmtree(tree)

    def complete(self) -> None:
        """Record that the trees are whole now."""
        self._write(complete=True)

    def _write(self, *, complete: bool) -> None:
        self._file.write_text(json.dumps({**self._wanted, "complete": complete}, indent=2) + "\n")
