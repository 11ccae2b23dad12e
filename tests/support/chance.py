"""What tests choose by chance: anew in every run, and again as in an earlier one when LIFEBOAT_SEED names its seed."""

import os
import random
import secrets
from collections.abc import Mapping
from typing import Any

SEED = int(os.environ.get("LIFEBOAT_SEED") or secrets.randbelow(1_000_000))


def chance_of(test: str) -> random.Random:
    """Given the name of a test, return what chooses for it, the same whichever tests ran before."""
    return random.Random(f"{SEED} {test}")


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """Given facts of one kind, return the names of those that differ."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
