"""Names for people: what may hold any bytes, such as paths, as text that can be stored and printed."""

from collections.abc import Sequence


def shown(names: Sequence[str], most: int = 5) -> str:
    """Given names, such as paths that may hold any bytes, return the first of them as text for people."""
    text = ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
    return printable(text)


def printable(text: str) -> str:
    """Given a text that may hold bytes that are no UTF-8 or control characters, return it with those escaped."""
    escaped = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in escaped)
