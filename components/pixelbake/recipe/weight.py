"""One frozen weight of a layer, as data."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from pixelbake.plain.parts import GivenPart

__all__ = ["Weight"]


class Weight(GivenPart):
    """One frozen weight of a layer.

    Attributes:
        shape: Its shape.
        data: Its float32 values, little-endian, row-major, in base64.
    """

    shape: tuple[Annotated[int, Field(ge=0)], ...] = Field(strict=False)
    data: str = Field(repr=False)

    @model_validator(mode="after")
    def _size_fits_shape(self) -> Weight:
        size = len(base64.b64decode(self.data, validate=True))
        if size != 4 * int(np.prod(self.shape, dtype=np.int64)):
            raise ValueError(
                f"a weight of shape {self.shape} needs "
                f"{4 * int(np.prod(self.shape, dtype=np.int64))} bytes of float32. Received: "
                f"{size} bytes."
            )
        return self

    @classmethod
    def from_array(cls, array: Any) -> Weight:
        """Freezes an array of any float dtype."""
        values = np.asarray(array, dtype="<f4", order="C")
        return cls(shape=values.shape, data=base64.b64encode(values.tobytes()).decode())

    def to_array(self) -> np.ndarray:
        """Returns the values as float32 of shape `shape`."""
        return np.frombuffer(base64.b64decode(self.data), "<f4").reshape(self.shape)
