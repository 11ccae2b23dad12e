"""The reference table of a deployment file's keys, made from its schema."""

import types
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lifeboat.deployment import Deployment, Duration, format_duration

_HEAD = """# Keys of a deployment file

Made by `lifeboat schema --write docs/deployment-reference.md`; do not edit. `<name>` stands for a name that you
choose. Durations are written like `90s`, `15m`, `24h`, `7d`. `${NAME}` and `${NAME:-default}` in any text stand
for environment variables.

| key | type | default | meaning |
| --- | --- | --- | --- |
"""


def reference() -> str:
    """Return the table as Markdown."""
    return _HEAD + "".join(_rows(Deployment, ""))


def _rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        yield f"| `{key}` | {_type_name(field)} | {_default(field)} | {field.description or ''} |\n"
        for inner, infix in _inner_models(field.annotation):
            yield from _rows(inner, f"{key}{infix}.")


def _inner_models(annotation: Any, infix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """Given an annotation, yield the models inside it, each with what stands between the key and theirs."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, infix
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        yield from _inner_models(arguments[1], ".<name>")
    elif origin is list:
        yield from _inner_models(arguments[0], "[]")
    elif origin is Annotated:
        yield from _inner_models(arguments[0], infix)
    elif origin in (Union, types.UnionType):
        models = [each for argument in arguments for each in _inner_models(argument, infix)]
        for model, place in models:
            kind = model.model_fields.get("kind") if len(models) > 1 else None
            yield model, f"{place}({get_args(kind.annotation)[0]})" if kind else place


def _type_name(field: FieldInfo) -> str:
    if field.metadata and any(getattr(item, "func", None) is _duration_reader() for item in field.metadata):
        return "duration"
    return _name(field.annotation)


def _duration_reader() -> Any:
    return get_args(Duration)[1].func


def _name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _name(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return _name(next(item for item in arguments if item is not type(None)))
    if origin is list:
        return f"list of {_name(arguments[0])}"
    if origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "mapping"
    return {str: "text", int: "number", float: "number", bool: "true or false", timedelta: "duration"}.get(
        annotation, getattr(annotation, "__name__", "text")
    )


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "**required**"
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return "see below"
    if hasattr(value, "total_seconds"):
        return f"`{format_duration(value)}`"
    if value in ({}, [], ""):
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
