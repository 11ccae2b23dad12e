"""Reading deployment files: YAML with places, `${VARIABLES}`, and every error at once."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lifeboat.deployment import Deployment, deployments_directory
from lifeboat.deployment_references import reference_problems
from lifeboat.errors import ConfigurationError

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


@dataclass(frozen=True)
class Problem:
    """One error of a deployment file: where it is, which key, what is wrong, what to do."""

    file: str
    line: int
    key: str
    message: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key or 'the file'}: {self.message}\n  Next: {self.next_step}"


class DeploymentFileError(ConfigurationError):
    """A deployment file that cannot be used, with all its problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load_deployment(path: Path) -> Deployment:
    """Given the path of a deployment file, return the deployment. Raise DeploymentFileError with all problems."""
    with _readable(path):
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise _broken(path, 1, "is not a mapping of keys", "Start from include/deployments/sample.yaml.")
    _refuse_cycles(path, node, ())
    problems = list(_duplicate_keys(path, node))
    with _readable(path):
        document = yaml.SafeLoader("").construct_document(node)  # writes merged keys (<<) into the node
    document = _expand(path, node, document, (), problems)
    deployment = _validate(path, node, document, problems)
    if deployment is None or problems:
        raise DeploymentFileError(sorted(problems, key=lambda problem: problem.line))
    return deployment


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what is raised for a file that is no YAML into a problem of it."""
    try:
        yield
    except OSError as error:
        raise _broken(path, 0, f"cannot be read: {error.strerror}", "Check the path and its mode.") from None
    except UnicodeDecodeError:
        raise _broken(path, 0, "is not UTF-8", "Save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _broken(path, line, f"is not YAML: {error.problem or 'bad YAML'}", "Correct that line.") from None
    except yaml.YAMLError as error:
        what = str(error).splitlines()[0]
        raise _broken(path, 0, f"is not YAML: {what}", "Remove what a text file does not hold.") from None
    except ValueError as error:
        raise _broken(path, 0, f"has a value that YAML cannot read: {error}", "Put dates into quotes.") from None


def _broken(path: Path, line: int, message: str, next_step: str) -> DeploymentFileError:
    return DeploymentFileError([Problem(str(path), line, "", message, next_step)])


def _refuse_cycles(path: Path, node: yaml.Node, above: tuple[yaml.Node, ...]) -> None:
    """Raise DeploymentFileError for an alias that stands inside of what it means."""
    if any(node is each for each in above):
        line = above[-1].start_mark.line + 1
        raise _broken(path, line, "has an alias that refers to itself", "Write the value out.")
    if isinstance(node, yaml.CollectionNode):
        for item in node.value:
            for child in item if isinstance(node, yaml.MappingNode) else (item,):
                _refuse_cycles(path, child, (*above, node))


def deployment_files(directory: Path | None = None) -> list[Path]:
    """Given a directory, by default the configured one, return its deployment files in order of name."""
    return sorted((directory or deployments_directory()).glob("*.yaml"))


def load_all(directory: Path | None = None) -> tuple[list[Deployment], list[Problem]]:
    """Given a directory, return the good deployments and the problems of the others; one never breaks another."""
    deployments: list[Deployment] = []
    problems = [
        Problem(str(path), 0, "", "ends in .yml, so it is not read", f"Rename it to {path.stem}.yaml.")
        for path in sorted((directory or deployments_directory()).glob("*.yml"))
    ]
    for path in deployment_files(directory):
        try:
            deployments.append(load_deployment(path))
        except DeploymentFileError as error:
            problems.extend(error.problems)
    return deployments, problems


def find_deployment(name_or_path: str) -> Deployment:
    """Given a deployment's name or its file's path, return it. Raise ConfigurationError listing the known ones."""
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return load_deployment(path)
    known = {file.stem: file for file in deployment_files()}
    if name_or_path not in known:
        raise ConfigurationError(
            f"There is no deployment '{name_or_path}' in {deployments_directory()}.",
            next_step=f"Use one of: {', '.join(known) or '(none yet)'}; or give the path of a file.",
        )
    return load_deployment(known[name_or_path])


def _expand(path: Path, node: yaml.Node, value: Any, at: tuple[Any, ...], problems: list[Problem]) -> Any:
    """Replace ${NAME} and ${NAME:-default} in every string; an unset name without default is a problem."""
    if isinstance(value, dict):
        return {key: _expand(path, node, item, (*at, key), problems) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(path, node, item, (*at, index), problems) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def problem(what: str, next_step: str) -> None:
        problems.append(Problem(str(path), line_of(node, at), _key(at), what, next_step))

    def replacement(match: re.Match[str]) -> str:
        found = os.environ.get(match["name"]) or match["default"]
        if found is None:
            name = match["name"]
            problem(f"the environment variable {name} is not set", f"Set {name}, or write ${{{name}:-default}}.")
            return match[0]
        return found

    if "${" in _VARIABLE.sub("", value):
        problem("has a '${' that begins no variable", "Write ${NAME} or ${NAME:-default}.")
    return _VARIABLE.sub(replacement, value)


def _validate(path: Path, node: yaml.Node, document: Any, problems: list[Problem]) -> Deployment | None:
    """Add the problems of a document, those of its references and its name among them, and return the deployment
    if it has none."""
    deployment = None

    def add(at: tuple[Any, ...], what: str, next_step: str) -> None:
        problems.append(Problem(str(path), line_of(node, at), _key(at), what, next_step))

    try:
        deployment = Deployment.model_validate(document)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            at = tuple(part for part in item["loc"] if part != "[key]")
            if at or item["type"] != "value_error":  # the root's own are the references, below
                add(at, *_explain(item))
    for at, what in reference_problems(document):
        add(at, what, "Correct the name, or add what it names.")
    name = document.get("name")
    if isinstance(name, str) and name != path.stem:
        step = f"Rename the file to {name}.yaml or the deployment to {path.stem}."
        add(("name",), f"is '{name}', but the file is called {path.name}", step)
    return deployment


def _explain(error: Any) -> tuple[str, str]:
    """Given one pydantic error, return what is wrong and the next step in words of the file."""
    kind, message = error["type"], str(error["msg"])
    if kind == "extra_forbidden":
        return (
            "is not a key of this place",
            "Remove it or correct its spelling; docs/deployment-reference.md lists all.",
        )
    if kind == "missing":
        return "is missing", "Add it; docs/deployment-reference.md tells what it means."
    if kind == "string_pattern_mismatch":
        return f"'{error['input']}' is not allowed here", f"It must match {error['ctx']['pattern']}"
    message = message.removeprefix("Value error, ")
    shown = f"'{error['input']}' " if isinstance(error["input"], str | int | float) else ""
    return f"{shown}{message}", "Correct it; docs/deployment-reference.md tells what it means."


def _key(at: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in at)


def line_of(node: yaml.Node, at: tuple[Any, ...]) -> int:
    """Given the root node and a path of keys, return the line (from 1) of the deepest part that exists."""
    line = int(node.start_mark.line) + 1
    for part in at:
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, child = int(key.start_mark.line) + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = int(child.start_mark.line) + 1
        if child is None:
            break
        node = child
    return line


def _duplicate_keys(path: Path, node: yaml.Node, at: tuple[Any, ...] = ()) -> Iterator[Problem]:
    """Yield a problem for every key written twice in one mapping: YAML would silently keep the last."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _duplicate_keys(path, item, (*at, index))
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line, name = key.start_mark.line + 1, str(key.value)
            if name in seen:
                where = f"is written twice (first in line {seen[name]})"
                yield Problem(str(path), line, _key((*at, name)), where, "Keep one of the two.")
            seen[name] = line
            yield from _duplicate_keys(path, value, (*at, name))
