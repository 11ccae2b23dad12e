"""Generates the business data tree of the sample deployment: what partners exchange with it as files."""

import csv
import io
import json
import os
import random
from pathlib import Path

from lifeboat.sample.content import random_bytes
from lifeboat.sample.home_files import make_directory, write_file
from lifeboat.sample.marker import Marker
from lifeboat.sample.scales import Scale, check_scale

_PARTNERS = (
    "Müller & Söhne",
    "Société Générale du Café",
    "株式会社 山田",
    "Acme Corporation",
    "Łódź Textiles",
)
# Documents of each kind for each partner, and the bytes of a large one.
_COUNTS: dict[Scale, tuple[int, int]] = {"small": (5, 6_000), "reference": (120, 300_000)}


def generate_documents(root: Path, scale: Scale = "small", seed: int = 45) -> Path:
    """Given a directory, generate the tree `business-data` in it and return its path.

    `small` has 76 documents in 0.2 MB, `reference` 1801 in 200 MB. Names have spaces and letters of several
    scripts; one directory is empty, and one entry is a link inside the tree. The same scale and seed give the
    same bytes. A tree that is there already is kept; one of another scale or seed is replaced. Raise
    PreflightError if a tree of that name is there that was not generated.
    """
    check_scale(scale)
    tree = root / "business-data"
    marker = Marker(root / ".lifeboat-sample-documents.json", [tree], {"scale": scale, "seed": seed})
    if not marker.is_current():
        marker.claim()
        _generate(tree, scale, seed)
        marker.complete()
    return tree


def _generate(tree: Path, scale: Scale, seed: int) -> None:
    count, size = _COUNTS[scale]
    for partner in _PARTNERS:
        for number in range(1, count + 1):
            year = 2024 + number % 3
            folder = f"{partner}/{year}"
            key = f"{seed}:{folder}:{number}"
            write_file(tree, f"{folder}/invoice {number:04}.pdf", _pdf(key, size))
            write_file(tree, f"{folder}/order {number:04}.json", _order(key, partner, number))
            write_file(tree, f"{folder}/catalogue {number:04}.csv", _catalogue(key, size // 10))
    write_file(tree, "Verträge/vertraulich, nur intern.pdf", _pdf(f"{seed}:contract", size), 0o600)
    make_directory(tree / "inbox")
    os.symlink(f"{_PARTNERS[0]}/2025", tree / "latest invoices")


def _pdf(key: str, size: int) -> bytes:
    """A PDF in its outer form only: header, one stream that cannot be compressed, and trailer."""
    stream = random_bytes(key, size)
    head = f"%PDF-1.7\n1 0 obj\n<< /Length {len(stream)} >>\nstream\n".encode()
    return head + stream + b"\nendstream\nendobj\ntrailer\n<< /Size 2 >>\n%%EOF\n"


def _order(key: str, partner: str, number: int) -> bytes:
    choose = random.Random(key)
    items = [{"article": f"A-{choose.randrange(10_000):05}", "quantity": choose.randrange(1, 50)} for _ in range(8)]
    order = {"order": number, "partner": partner, "items": items}
    return (json.dumps(order, ensure_ascii=False, indent=2) + "\n").encode()


def _catalogue(key: str, size: int) -> bytes:
    choose = random.Random(key)
    buffer = io.StringIO(newline="")
    rows = csv.writer(buffer)
    rows.writerow(["article", "description", "price"])
    while buffer.tell() < size:
        rows.writerow([f"A-{choose.randrange(10_000):05}", "Kaffee, gemahlen", f"{choose.random() * 100:.2f}"])
    return buffer.getvalue().encode()
