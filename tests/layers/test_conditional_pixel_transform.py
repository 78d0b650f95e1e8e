import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from pixelbake.layers import ConditionalPixelTransform
from tests.layers.contract import photographs, run_eagerly


def test_the_mask_is_a_sigmoid_of_a_convolution_with_a_mirrored_border():
    image, mask = photographs(1, 3, 18, 25), photographs(1, 1, 18, 25)
    layer = ConditionalPixelTransform(kernel_size=3)
    result = run_eagerly(layer, [image, mask])
    kernel, bias = (keras.ops.convert_to_numpy(w) for w in layer.weights)
    logits = ndimage.correlate(mask[0, :, :, 0], kernel[:, :, 0, 0], mode="reflect") + bias
    expected = image[0] * (1 / (1 + np.exp(-logits)))[..., None]
    np.testing.assert_allclose(result[0], expected, atol=1e-5)


def test_an_untrained_mask_keeps_most_of_the_brightness():
    image = photographs(2, 3, 20, 20)
    result = run_eagerly(ConditionalPixelTransform(), [image, np.zeros_like(image[..., :1])])
    assert result.mean() > 0.85 * image.mean()


def test_a_flat_mask_is_not_darkened_at_the_border():
    image = np.ones((1, 12, 12, 3), np.float32)
    result = run_eagerly(ConditionalPixelTransform(5), [image, image])
    np.testing.assert_allclose(result, np.full_like(image, result[0, 6, 6, 0]), atol=1e-6)


def test_one_mask_serves_all_channels_of_the_image():
    image = np.ones((2, 9, 14, 4), np.float32)
    result = run_eagerly(ConditionalPixelTransform(), [image, photographs(2, 3, 9, 14)])
    assert result.shape == image.shape
    np.testing.assert_array_equal(result, np.repeat(result[..., :1], 4, axis=-1))


def test_gradients_reach_both_weights():
    image, mask = photographs(2, 3, 16, 16), photographs(2, 1, 16, 16)
    layer = ConditionalPixelTransform()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(layer([image, mask]) ** 2)
    gradients = tape.gradient(loss, [w.value for w in layer.trainable_weights])
    assert len(gradients) == 2
    for gradient in gradients:
        assert np.abs(gradient.numpy()).max() > 1e-4


def test_training_finds_the_mask_that_blacks_out_the_sky():
    image = photographs(4, 3, 32, 32)
    bright = (image.mean(-1, keepdims=True) > 0.5).astype(np.float32)
    inputs = [keras.Input((None, None, 3)), keras.Input((None, None, 1))]
    model = keras.Model(inputs, ConditionalPixelTransform(1)(inputs))
    model.compile(keras.optimizers.Adam(0.2), "mse")
    target = image * (1 - bright)
    before = model.evaluate([image, bright], target, verbose=0)
    model.fit([image, bright], target, epochs=80, batch_size=4, verbose=0)
    assert model.evaluate([image, bright], target, verbose=0) < 0.05 * before


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([np.ones((1, 8, 8, 3), "f4"), np.ones((1, 8, 9, 1), "f4")], "one height and width"),
        ([np.ones((1, 8, 8, 3), "f4")], r"takes \[image, mask\], .* Received: a list of 1"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, message):
    with pytest.raises(ValueError, match=message):
        ConditionalPixelTransform()(inputs)


@pytest.mark.parametrize("kernel_size", [0, 2, 3.0, (3, 3)])
def test_an_even_kernel_size_is_refused(kernel_size):
    with pytest.raises(ValueError, match=r"kernel_size must be a positive odd integer. Received"):
        ConditionalPixelTransform(kernel_size)


def test_one_input_is_told_how_to_make_two_of_it():
    images = np.zeros((2, 8, 8, 3), "float32")
    message = r"\[image, image\] for a mask .* Received: one input of shape \(2, 8, 8, 3\)"
    with pytest.raises(ValueError, match=message):
        ConditionalPixelTransform()(images)
    with pytest.raises(ValueError, match="Received: a list of 3"):
        ConditionalPixelTransform()([images, images, images])
    with pytest.raises(ValueError, match="Received: one input of shape"):
        keras.Sequential([keras.Input((8, 8, 3)), ConditionalPixelTransform()])
