"""Python of the pages that needs something of the reader's, which it is given here."""

import keras
import numpy as np
import tensorflow as tf

import pixelbake
from pixelbake.layers import ConditionalPixelTransform
from tests.analyze_and_transform import analyze_and_transform
from tests.docs.blocks import block
from tests.job.inputs import DIGITS, example, pixels_of


def test_stock_transform_takes_the_page_s_preprocessing_fn(tmp_path, monkeypatch):
    (tmp_path / "recipe.yaml").write_text("layers: [{layer: Invert}]")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(block("docs/from_transform.md", "preprocessing_fn ="), names)
    spec = {"image": tf.io.FixedLenFeature([], tf.string)}
    records = [example(image=image) for image in DIGITS[:3]]
    found, _ = analyze_and_transform(names["preprocessing_fn"], records, spec, tmp_path)
    for record, image in zip(found, DIGITS[:3], strict=True):
        np.testing.assert_array_equal(pixels_of(record["image"].numpy()), 255 - pixels_of(image))


def test_the_page_s_line_bakes_a_mask_into_a_recipe():
    images = keras.Input((32, 32, 3))
    masked = ConditionalPixelTransform()([images, images])
    answer = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(masked))
    names = {"pixelbake": pixelbake, "Recipe": pixelbake.Recipe}
    names["model"] = keras.Model(images, answer)
    exec(block("docs/masks.md", "pixelbake.bake(model)"), names)
    assert [spec.layer for spec in names["recipe"].layers] == ["ConditionalPixelTransform"]
    assert names["recipe"].weights_hashes
