"""Path patterns: `**` for any depth, `*` and `?` inside one path segment, everything else literal.

This file uses only the standard library of Python 3.7 and imports nothing of Lifeboat, so it can run as it is
on another machine; the expressions it makes mean the same in every Python 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def translate(pattern: str) -> re.Pattern[str]:
    """Given a pattern for a relative path with `/` between segments, return its regular expression.

    `a/**` is everything below `a` but not `a` itself; `**/b` is `b` at any depth; `a/**/b` also matches
    `a/b`. Use the expression's `fullmatch`. Raise ValueError if the pattern is empty, absolute, or has `**`
    as a part of a segment.
    """
    segments = pattern.split("/")
    if "" in segments:
        raise ValueError(f"Pattern '{pattern}' has an empty segment: write it relative, like a/b/*.")
    last = len(segments) - 1
    expression = ""
    for index, segment in enumerate(segments):
        if segment == "**":
            expression += ".+" if index == last else "(?:[^/]+/)*"
        elif "**" in segment:
            raise ValueError(f"Pattern '{pattern}' has ** inside a segment: ** must stand between slashes.")
        else:
            expression += _segment(segment) + ("" if index == last else "/")
    return re.compile(expression, re.DOTALL)


def first_match(rules: Iterable[tuple[str, re.Pattern[str]]], path: str, default: str) -> str:
    """Given labelled expressions and a relative path, return the first matching label, or the default."""
    for label, expression in rules:
        if expression.fullmatch(path):
            return label
    return default


def _segment(segment: str) -> str:
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(wild.get(character) or re.escape(character) for character in segment)
