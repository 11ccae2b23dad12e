"""What the pages in docs/ tell people to type."""

import re
import textwrap
from pathlib import Path

_BLOCK = re.compile(r"^(?P<indent> *)```\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
DOCS = Path(__file__).parents[2] / "docs"


def command_blocks(page: str, heading: str) -> list[str]:
    """Given a page and one of its headings, return the blocks of commands below it, up to the next heading."""
    text = (DOCS / page).read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, f"{page} has no heading '{heading}'"
    section = rest.partition("\n## ")[0]
    return [textwrap.dedent(match["text"]) for match in _BLOCK.finditer(section)]
