"""What pixelbake raises.

PixelbakeError
├── RecipeError      (ValueError)    a recipe, or a layer in it, is not what it must be
├── ConfigError      (ValueError)    a job, or its YAML file, does not hold what it must
├── InputError       (ValueError)    input files are missing, incomplete or unusable
├── OutputError      (OSError)       the target folder can't be written
│   └── BusyError                    another job is writing it at this moment
├── TransformError   (RuntimeError)  the transform graph itself is wrong, whatever the data
├── BadRecordsError  (RuntimeError)  more records were quarantined than the job allows
└── RunError         (RuntimeError)  a run's own books don't balance, or its folder is damaged
    └── NoRunError                   a folder is no finished run
"""

from __future__ import annotations

__all__ = [
    "BadRecordsError",
    "BusyError",
    "ConfigError",
    "InputError",
    "NoRunError",
    "OutputError",
    "PixelbakeError",
    "RecipeError",
    "RunError",
    "TransformError",
]


class PixelbakeError(Exception):
    """Base of everything that pixelbake raises on its own account."""


class RecipeError(PixelbakeError, ValueError):
    """A recipe, or a layer in it, is not what it must be."""


class ConfigError(PixelbakeError, ValueError):
    """A job, or its YAML file, does not hold what it must; names file, line and key."""


class InputError(PixelbakeError, ValueError):
    """Input files are missing, incomplete or unusable; nothing has been written."""


class OutputError(PixelbakeError, OSError):
    """The target folder can't be written; nothing has been published."""


class BusyError(OutputError):
    """Another job is writing the target at this moment; it was left alone."""


class TransformError(PixelbakeError, RuntimeError):
    """The transform graph itself is wrong, whatever the data."""


class BadRecordsError(PixelbakeError, RuntimeError):
    """More records were quarantined than the job allows; nothing has been published."""


class RunError(PixelbakeError, RuntimeError):
    """A run's own books don't balance, or its folder is damaged."""


class NoRunError(RunError):
    """A folder is no finished run: it holds no manifest."""
