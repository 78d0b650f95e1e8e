"""CLAHE: contrast limited adaptive histogram equalisation."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from pixelbake.layers.arguments import finite_number, pair, value_range_pair, whole_number
from pixelbake.layers.levels import from_levels, to_levels
from pixelbake.layers.pixel_layer import PixelLayer

__all__ = ["CLAHE"]


@keras.saving.register_keras_serializable(package="pixelbake")
class CLAHE(PixelLayer):
    """Brings out local contrast: equalises the histogram of every part of every image.

    Contrast limited adaptive histogram equalisation (K. Zuiderveld, Graphics Gems IV, 1994) as
    OpenCV's `createCLAHE` does it: a grid of tiles, each with a histogram of its own, whose bins
    are cut at the clip limit; what is cut off goes to all levels alike. Between the centres of
    four tiles, their levels are interpolated. An image that the grid does not divide is mirrored
    at its right and lower border for the histograms.

    Defined on 8-bit pixels, to which the input is rounded first. In float32 equal to OpenCV bit
    for bit. In float64, and in recipes of numerics `exact`, a value half-way between two levels
    becomes the upper one; OpenCV's float32 rounds those either way.

    Every channel by itself, as `Equalize` does, which takes colours nearer to gray. OpenCV takes
    gray images only: `Grayscale` makes them.

    ```python
    CLAHE(2.0)(images)
    CLAHE(4.0, tile_grid_size=(4, 6))(images)  # 4 rows and 6 columns of tiles
    ```

    Args:
        clip_limit: How often a level may occur in a tile, in multiples of what it would if all
            were equally frequent; finite. 1 changes least, 2 to 4 is usual, 0 is no limit.
            Default 40, as OpenCV's.
        tile_grid_size: Number of tiles, a positive integer for both directions, or
            `(rows, columns)`, where OpenCV has columns first. Default 8.
        value_range: `(low, high)` of the pixels. Default `(0, 1)`.
        **kwargs: Keras' own, such as `name` and `dtype`.

    Call arguments:
        inputs: Float pixels in `value_range`, `[B, H, W, C]`, any number of channels.

    Returns:
        Pixels of the same shape in the layer's compute dtype.

    Raises:
        ValueError: An argument is out of range, or the input is not of rank 4.
        TypeError: The input is not of a float dtype.
    """

    def __init__(
        self,
        clip_limit: float = 40.0,
        tile_grid_size: int | tuple[int, int] = 8,
        value_range: tuple[float, float] = (0.0, 1.0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.clip_limit = finite_number("clip_limit", clip_limit, low=0.0)
        rows, columns = pair("tile_grid_size", tile_grid_size)
        self.tile_grid_size = (
            whole_number("tile_grid_size", rows, 1),
            whole_number("tile_grid_size", columns, 1),
        )
        self.value_range = value_range_pair(value_range)

    def transform(self, images: Any) -> Any:
        """Returns the equalised images."""
        batch, height, width, channels = ops.shape(images)
        # Plane by plane: with channels as the innermost axis, everything takes twice as long.
        # (Not by ops.transpose, of whose integers and float64 oneDNN complains in the log.)
        levels = ops.cast(to_levels(images, self.value_range), "int32")
        planes = ops.stack(ops.unstack(levels, channels, -1), 1)
        planes = ops.reshape(planes, (batch * channels, height, width))
        tile, counts = _histograms(planes, self.tile_grid_size)
        area = tile[0] * tile[1]
        if self.clip_limit > 0:
            counts = _clipped(counts, area, self.clip_limit)
        scale = 255.0 / ops.cast(area, images.dtype)
        tables = _nearest(ops.cast(ops.cumsum(counts, axis=-1), images.dtype) * scale, area)
        planes = ops.reshape(_interpolated(planes, tables, tile), (batch, channels, height, width))
        return from_levels(ops.stack(ops.unstack(planes, channels, 1), -1), self.value_range)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "clip_limit": self.clip_limit,
            "tile_grid_size": self.tile_grid_size,
            "value_range": self.value_range,
        }


def _histograms(planes: Any, grid: tuple[int, int]) -> tuple[tuple[Any, Any], Any]:
    """Returns a tile's height and width, and how often each level occurs in each tile.

    Args:
        planes: int32 `[N, H, W]` in 0..255.
        grid: Rows and columns of tiles.

    Returns:
        The size, and int32 `[N, rows, columns, 256]`.
    """
    number, height, width = ops.shape(planes)
    rows, columns = grid
    # As OpenCV does, both sides grow if one of them has to, and always to the next multiple.
    grows = ops.cast(height % rows + width % columns > 0, "int32")
    tile = (height // rows + grows, width // columns + grows)
    for axis, length, whole in ((1, height, rows * tile[0]), (2, width, columns * tile[1])):
        # Mirrored at the centre of the last pixel, again and again where the image is small.
        # (Of two Python integers Keras would make an int16 where its floatx has 16 bits.)
        period = ops.maximum(ops.cast(2 * (length - 1), "int32"), 1)
        steps = ops.arange(whole, dtype="int32") % period
        planes = ops.take(planes, ops.minimum(steps, period - steps), axis)
    row = ops.arange(rows * tile[0], dtype="int32")[:, None] // tile[0]
    column = ops.arange(columns * tile[1], dtype="int32") // tile[1]
    tiles = number * rows * columns
    first = ops.reshape(ops.arange(0, tiles, rows * columns, dtype="int32"), (-1, 1, 1))
    bins = ops.reshape(planes + 256 * (first + (row * columns + column)), (-1,))
    counts = ops.segment_sum(ops.ones_like(bins), bins, num_segments=256 * tiles)
    return tile, ops.reshape(counts, (number, rows, columns, 256))


def _clipped(counts: Any, area: Any, clip_limit: float) -> Any:
    """Cuts histograms at the limit, and spreads what is cut off over all levels."""
    # Greater than the tile it cuts nothing, and might be beyond an int32.
    limit = ops.cast(area, "float64") * (clip_limit / 256)
    limit = ops.maximum(ops.cast(ops.minimum(limit, ops.cast(area, "float64")), "int32"), 1)
    cut = ops.sum(ops.maximum(counts - limit, 0), axis=-1, keepdims=True)
    rest = cut % 256
    # Of the rest, one to every nth level from black on.
    step = ops.maximum(256 // ops.maximum(rest, 1), 1)
    level = ops.arange(256, dtype="int32")
    takes = ops.logical_and(level % step == 0, level // step < rest)
    return ops.minimum(counts, limit) + cut // 256 + ops.cast(takes, "int32")


def _interpolated(planes: Any, tables: Any, tile: tuple[Any, Any]) -> Any:
    """Looks every pixel up in the tables of the tiles around it.

    Args:
        planes: int32 `[N, H, W]` in 0..255.
        tables: The new level of each level, float `[N, rows, columns, 256]`.
        tile: Height and width of a tile.

    Returns:
        Whole floats `[N, H, W]` in 0..255.
    """
    number, height, width = ops.shape(planes)
    # Beyond the centres of the outer tiles these go on: the outer cells have a tile twice.
    tables = ops.concatenate([tables[:, :1], tables, tables[:, -1:]], 1)
    tables = ops.concatenate([tables[:, :, :1], tables, tables[:, :, -1:]], 2)
    rows, columns = tables.shape[1] - 1, tables.shape[2] - 1
    corners = [
        tables[:, top : top + rows, left : left + columns] for top in (0, 1) for left in (0, 1)
    ]
    cells = ops.reshape(ops.stack(corners, -1), (-1, 4))
    row, down = _cells_along(height, tile[0], tables.dtype)
    column, right = _cells_along(width, tile[1], tables.dtype)
    count = rows * columns
    first = ops.reshape(ops.arange(0, number * count, count, dtype="int32"), (-1, 1, 1))
    cell = first + (row[:, None] * columns + column)
    found = ops.take(cells, planes + 256 * cell, 0)
    upper_left, upper_right, lower_left, lower_right = ops.unstack(found, 4, -1)
    # In the order in which OpenCV adds them up.
    above = upper_left * (1.0 - right) + upper_right * right
    below = lower_left * (1.0 - right) + lower_right * right
    down = down[:, None]
    return _nearest(above * (1.0 - down) + below * down, 4 * tile[0] * tile[1])


def _cells_along(length: Any, tile: Any, dtype: str) -> tuple[Any, Any]:
    """Returns in which cell between two centres each pixel is, and how far from its first."""
    steps = ops.cast(ops.arange(length, dtype="int32"), dtype)
    place = steps * (1.0 / ops.cast(tile, dtype)) - 0.5
    before = ops.floor(place)
    return ops.cast(before, "int32") + 1, place - before


def _nearest(values: Any, parts: Any) -> Any:
    """Rounds to whole numbers what are whole `parts`-ths: float32 as OpenCV, float64 for good.

    A value that should be half-way between two levels may come out on either side of it. In
    float64 a quarter of a part is added, far more than rounding errors are, so that it always
    becomes the upper one, and no other value changes.
    """
    if keras.backend.standardize_dtype(values.dtype) != "float64":
        return ops.round(values)
    return ops.floor(values + (0.5 + 0.25 / ops.cast(parts, values.dtype)))
