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
        inner, mapped = _inner_model(field.annotation)
        yield f"| `{key}` | {_type_name(field)} | {_default(field)} | {field.description or ''} |\n"
        if inner is not None:
            yield from _rows(inner, f"{key}.<name>." if mapped else f"{key}.")


def _inner_model(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Given an annotation, return the model inside it, if any, and whether it is a mapping of names to it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    origin = get_origin(annotation)
    mapped = origin is dict
    candidates = get_args(annotation)[1:] if mapped else get_args(annotation)
    if origin in (dict, Union, types.UnionType):
        for candidate in candidates:
            model, _ = _inner_model(candidate)
            if model is not None:
                return model, mapped
    return None, False


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
    return {str: "text", int: "number", bool: "true or false", timedelta: "duration"}.get(
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
