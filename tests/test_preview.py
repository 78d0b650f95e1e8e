import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pixelbake.errors import InputError, RecipeError
from pixelbake.layers import Brightness, BrightnessNormalization, GaussianBlur
from pixelbake.preview import MAX_TILE, StageViewer
from pixelbake.recipe import Output, Recipe, Resize
from tests.job.inputs import PHOTOS, expected_pixels, pixels_of

LAYERS = [Brightness(1.2), GaussianBlur(5, 2.0)]
RECIPE = Recipe(layers=LAYERS)


@pytest.fixture(scope="module")
def stages():
    return StageViewer(RECIPE)(PHOTOS[0])


def test_every_stage_is_named_with_its_own_arguments(stages):
    assert [stage.title for stage in stages] == [
        "as read",
        "Brightness",
        "GaussianBlur",
        "as stored",
    ]
    assert "factor=1.2" in stages[1].details
    assert "kernel_size=5, sigma=2" in stages[2].details


def test_the_pixels_are_those_that_the_layers_make(stages):
    np.testing.assert_array_equal(stages[0].pixels, pixels_of(PHOTOS[0]))
    np.testing.assert_array_equal(stages[1].pixels, expected_pixels(PHOTOS[0], LAYERS[:1]))
    np.testing.assert_array_equal(stages[3].pixels, expected_pixels(PHOTOS[0], LAYERS))


def test_what_a_lossy_encoding_loses_is_seen():
    recipe = Recipe(output=Output(encoding="jpeg", jpeg_quality=20))
    read, stored = StageViewer(recipe)(PHOTOS[0])
    assert np.abs(read.pixels.astype(int) - stored.pixels).max() > 8


def test_a_sheet_holds_each_stage_at_true_pixels(stages):
    sheet = np.asarray(RECIPE.preview(PHOTOS[0]))
    for stage in stages:
        corner = stage.pixels[:8, :8]
        windows = np.lib.stride_tricks.sliding_window_view(sheet, corner.shape)[:, :, 0]
        at = np.argwhere((windows == corner).all(axis=(-3, -2, -1)))
        assert any(np.array_equal(sheet[y : y + 224, x : x + 224], stage.pixels) for y, x in at), (
            stage.title
        )


def test_paths_bytes_and_arrays_make_the_same_sheet(tmp_path):
    pixels = pixels_of(PHOTOS[1])
    png = tf.io.encode_png(pixels).numpy()
    (tmp_path / "a.png").write_bytes(png)
    ways = [np.asarray(RECIPE.preview(way)) for way in (png, pixels, [png])]
    np.testing.assert_array_equal(ways[0], ways[1])
    np.testing.assert_array_equal(ways[0], ways[2])
    assert RECIPE.preview(tmp_path / "a.png").size == RECIPE.preview(png).size


def test_gray_rgba_many_channels_and_large_images_can_be_shown():
    gray = Recipe(decode={"channels": 1}, resize=Resize(height=40, width=900))
    assert isinstance(gray.preview(PHOTOS[0]), Image.Image)
    assert gray.preview(PHOTOS[0]).width < 2 * 900 + MAX_TILE
    rgba = np.zeros((20, 30, 4), np.uint8)
    sheet = np.asarray(Recipe(decode={"channels": 4}).preview(rgba))
    assert {205, 235} <= set(np.unique(sheet))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"GIF89a", r"image 0: JPEG and PNG are decoded; the format is GIF \(format_not_allowed\)"),
        (PHOTOS[0][:400], "image 0: "),
        ("none.jpg", "none.jpg: can't be read: No such file or directory"),
        (np.zeros((4, 4)), "uint8 pixels"),
    ],
)
def test_an_image_that_cannot_be_shown_is_named(image, message):
    with pytest.raises(InputError, match=message):
        RECIPE.preview([image])


def test_a_layer_too_wide_for_an_image_is_told():
    recipe = Recipe(layers=[GaussianBlur(31, 5.0)])
    with pytest.raises(InputError, match="image 0: the image can't be transformed"):
        recipe.preview(np.zeros((8, 8, 3), np.uint8))


def test_a_layer_that_is_not_fitted_is_refused():
    recipe = Recipe(layers=[BrightnessNormalization(0.5)])
    with pytest.raises(RecipeError, match="not fitted"):
        recipe.preview(PHOTOS[0])
