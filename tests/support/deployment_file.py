"""A small, good deployment file for tests to break."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lifeboat.deployment_file import DeploymentFileError, Problem, load_deployment

GOOD = """\
version: 1
name: prod
signing: the_key
max_skew: 1d12h
sites:
  main:
    vault:
      repository: /vault
      writer: the_vault
database_servers:
  main-db:
    engine: postgres
    connection: the_database
    databases:
      shared_db: {role: shared}
servers:
  cp-1:
    type: apim
    home: /opt/wso2
business_data:
  documents:
    path: /srv/documents
"""


def writer(directory: Path) -> Callable[..., Path]:
    """Return what writes the good file with texts in it replaced, and text put behind it."""

    def write(*replaced: tuple[str, str], more: str = "", name: str = "prod.yaml") -> Path:
        text = GOOD
        for old, new in replaced:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = directory / name
        path.write_text(text + more, encoding="utf-8")
        return path

    return write


def problems_of(path: Path) -> list[Problem]:
    """Return the problems of a file, each of which must have file, line and next step."""
    with pytest.raises(DeploymentFileError) as caught:
        load_deployment(path)
    for problem in caught.value.problems:
        assert problem.file == str(path)
        assert problem.next_step
        assert f"{problem.file}:{problem.line}: " in str(caught.value)
    return caught.value.problems
