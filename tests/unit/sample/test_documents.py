import csv
import json
import os
from pathlib import Path

import pytest

from lifeboat.errors import PreflightError
from lifeboat.sample.documents import generate_documents


def contents(tree: Path) -> dict[str, bytes]:
    files = (file for file in tree.rglob("*") if file.is_file())
    return {file.relative_to(tree).as_posix(): file.read_bytes() for file in files}


def test_makes_documents_that_their_tools_can_read(tmp_path: Path) -> None:
    tree = generate_documents(tmp_path)
    assert tree == tmp_path / "business-data"
    files = contents(tree)
    assert len(files) == 76
    for path, content in files.items():
        if path.endswith(".json"):
            assert json.loads(content)["items"]
        elif path.endswith(".csv"):
            assert {len(row) for row in csv.reader(content.decode().splitlines())} == {3}
        else:
            assert content.startswith(b"%PDF-1.7") and content.endswith(b"%%EOF\n")


def test_has_difficult_names_an_empty_directory_and_a_link(tmp_path: Path) -> None:
    tree = generate_documents(tmp_path)
    names = {entry.name for entry in tree.iterdir()}
    assert {"株式会社 山田", "Müller & Söhne", "inbox"} <= names
    assert list((tree / "inbox").iterdir()) == []
    link = tree / "latest invoices"
    assert not os.path.isabs(os.readlink(link))
    assert list(link.iterdir())
    assert (tree / "Verträge/vertraulich, nur intern.pdf").stat().st_mode & 0o777 == 0o600


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first = contents(generate_documents(tmp_path / "one"))
    assert contents(generate_documents(tmp_path / "two")) == first
    assert contents(generate_documents(tmp_path / "three", seed=46)) != first


def test_keeps_a_tree_of_the_same_scale_and_replaces_another(tmp_path: Path) -> None:
    tree = generate_documents(tmp_path)
    (tree / "inbox/new.txt").write_text("new")
    generate_documents(tmp_path)
    assert (tree / "inbox/new.txt").exists()
    generate_documents(tmp_path, seed=46)
    assert not (tree / "inbox/new.txt").exists()


def test_refuses_to_replace_what_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "business-data").mkdir()
    with pytest.raises(PreflightError, match="business-data exists"):
        generate_documents(tmp_path)
