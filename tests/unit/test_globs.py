"""The pattern language that capture, walker and restic agree on."""

import subprocess
import sys
from pathlib import Path

import pytest

from lifeboat import globs

MATCHES = [
    ("tmp/**", "tmp/a", True),
    ("tmp/**", "tmp/a/b", True),
    ("tmp/**", "tmp/a\nb", True),
    ("tmp/**", "tmp", False),
    ("tmp/**", "x/tmp/a", False),
    ("**/x.pid", "x.pid", True),
    ("**/x.pid", "a/b/x.pid", True),
    ("**/x.pid", "a/b/ax.pid", False),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/c/d/b", True),
    ("a/**/b", "a/cb", False),
    ("a/*/c", "a/b/c", True),
    ("a/*/c", "a/b/b/c", False),
    ("a/*.db", "a/x.mv.db", True),
    ("a/*.db", "a/xdb", False),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("a[b]+(c).d", "a[b]+(c).d", True),
    ("a[b]", "ab", False),
    ("**", "a/b", True),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), MATCHES)
def test_translate(pattern, path, expected):
    assert bool(globs.translate(pattern).fullmatch(path)) is expected


@pytest.mark.parametrize("pattern", ["", "/a", "a//b", "a/", "a**", "a/**b/c"])
def test_patterns_that_mean_nothing_are_refused(pattern):
    with pytest.raises(ValueError, match=r"Pattern"):
        globs.translate(pattern)


def test_first_match_wins():
    rules = [("kept", globs.translate("a/b")), ("left", globs.translate("a/**"))]
    assert [globs.first_match(rules, path, "other") for path in ("a/b", "a/c", "a")] == [
        "kept",
        "left",
        "other",
    ]


def test_the_file_runs_alone():
    code = Path(globs.__file__).read_text() + "\nprint(bool(translate('a/**').fullmatch('a/b')))"
    completed = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout == "True\n"
