"""What is wrong with what a user wrote, in the same words for YAML files and for Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

__all__ = ["Mistake", "did_you_mean", "mistakes_in", "one_line_each", "short"]


class Mistake(NamedTuple):
    """One mistake.

    Attributes:
        at: Keys and indices that lead to it; none if it is one of the whole.
        message: What is wrong, what was received and what would be right, on one line.
    """

    at: tuple[int | str, ...]
    message: str

    @property
    def key(self) -> str:
        """`at` as text: `resize.height`."""
        return ".".join(map(str, self.at))


def mistakes_in(error: ValidationError, model: type[BaseModel]) -> list[Mistake]:
    """Returns each mistake that pydantic found in a value that was to become a `model`."""
    mistakes = []
    for found in error.errors(include_url=False):
        cause = found.get("ctx", {}).get("error")
        at = (*found["loc"], *getattr(cause, "at", ()))
        unknown = found["type"] == "extra_forbidden"
        message = "unknown key" if unknown else found["msg"].removeprefix("Value error, ")
        message = message.replace("a valid tuple", "a list")
        if "Received" not in message:
            message = f"{message.rstrip('.')}. Received: {short(found['input'])}."
        if unknown and (keys := _keys_beside(model, at)):
            message += f"{did_you_mean(str(at[-1]), keys)} Take one of {', '.join(keys)}."
        mistakes.append(Mistake(at, re.sub(r"\s*\n\s*", " ", message)))
    return mistakes


def one_line_each(error: ValidationError, model: type[BaseModel]) -> str:
    """Returns one line per mistake: the model's name, the key, the message."""
    return "\n".join(
        f"{model.__name__}{key and ', ' + key}: {message}"
        for key, message in ((m.key, m.message) for m in mistakes_in(error, model))
    )


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Returns a question after the one of `names` that is most like `name`, if any is."""
    found = {other.lower(): other for other in names}
    closest = get_close_matches(name.lower(), found, n=1)
    return f" Did you mean {found[closest[0]]!r}?" if closest else ""


def _keys_beside(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Returns what may stand where an unknown key does, or nothing inside of free values."""
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            found = _model_in(model.model_fields[part].annotation)
            if found is None:
                return []
            model = found
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Returns the model that a field holds, be it in a tuple, a dict or as one of several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in get_args(annotation))
    return next((model for model in found if model), None)


def short(value: Any) -> str:
    """Returns a value as Python writes it, cut where it gets long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
