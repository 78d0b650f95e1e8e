"""Reads YAML strictly, and says of every mistake on which line and under which key it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarfloat import ScalarFloat
from ruamel.yaml.scalarint import ScalarInt

from pixelbake.errors import ConfigError
from pixelbake.mistakes import mistakes_in

__all__ = ["read_yaml", "validate"]

Model = TypeVar("Model", bound=BaseModel)

MAX_BYTES = 2**20


def read_yaml(path: str | Path) -> CommentedMap:
    """Reads a YAML 1.2 mapping, keeping the line of every key.

    Raises:
        ConfigError: The file is missing, too large, no UTF-8 or no YAML, holds a duplicate key
            or an alias, or something other than a mapping.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: {len(data)} bytes; at most {MAX_BYTES} are read.")
    try:
        text = data.decode()
        for event in YAML(typ="rt", pure=True).parse(text):
            if getattr(event, "version", None):
                raise ConfigError(f"{path}: YAML 1.2 is read; remove the %YAML line.")
            if isinstance(event, AliasEvent):
                raise ConfigError(
                    f"{path}, line {event.start_mark.line + 1}: the alias *{event.anchor} is not "
                    "allowed. Write the value out."
                )
        loaded = YAML(typ="rt", pure=True).load(text)
    except ConfigError:
        raise
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error}") from error
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1
        raise ConfigError(f"{path}, line {line}: {str(error.problem).splitlines()[0]}") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}, line {line}: {error.problem}") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{path}, line {line}: {str(error).splitlines()[0]}") from error
    except ValueError as error:  # what ruamel makes values of, such as dates, and can't
        raise ConfigError(f"{path}: a value is not what it looks like: {error}") from error
    if not isinstance(loaded, CommentedMap):
        raise ConfigError(f"{path}: expected keys and values. Received: {type(loaded).__name__}.")
    return loaded


def validate(loaded: CommentedMap, model: type[Model], path: str | Path) -> Model:
    """Makes a `model` of what `read_yaml` read.

    Raises:
        ConfigError: One line per mistake: file, line, key, what was wrong and what was received.
    """
    try:
        return model.model_validate(_plain(loaded))
    except ValidationError as error:
        lines = []
        for mistake in mistakes_in(error, model):
            where = f"{path}, line {_line_of(loaded, mistake.at)}"
            lines.append(f"{where}{mistake.key and ', ' + mistake.key}: {mistake.message}")
        raise ConfigError("\n".join(lines)) from error


def _plain(value: Any) -> Any:
    if isinstance(value, CommentedMap):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, CommentedSeq):
        return [_plain(v) for v in value]
    if isinstance(value, ScalarBoolean):
        return bool(value)
    if isinstance(value, ScalarFloat):
        return float(value)
    if isinstance(value, ScalarInt):
        return int(value)
    return str(value) if isinstance(value, str) else value


def _line_of(loaded: Any, location: tuple[int | str, ...]) -> int:
    """Returns the 1-based line of the innermost part of `location` that the file has."""
    line = 0
    for part in location:
        if isinstance(loaded, CommentedMap) and part in loaded:
            line = loaded.lc.key(part)[0]
        elif isinstance(loaded, CommentedSeq) and isinstance(part, int) and part < len(loaded):
            line = loaded.lc.item(part)[0]
        else:
            break
        loaded = loaded[part]
    return int(line) + 1
