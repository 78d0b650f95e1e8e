import numpy as np
import tensorflow as tf

from pipeline.flower_crops import flower_crops
from pipeline.mask_trainer import build_model, recipe_with_mask
from pixelbake import Recipe
from pixelbake.layers import Brightness, ConditionalPixelTransform


def crops(count: int = 20) -> tf.data.Dataset:
    pairs = flower_crops("train")[:count]
    images = np.stack([crop for crop, _ in pairs])
    flower = np.array([is_flower.mean() for _, is_flower in pairs], np.float32)
    return tf.data.Dataset.from_tensor_slices((images, flower))


def test_the_mask_comes_after_the_recipes_own_layers_with_the_weights_that_it_was_trained_to():
    recipe = Recipe(layers=[Brightness(1.1)], passthrough={"flower": "float32"})
    learned = recipe_with_mask(recipe, crops(), train_steps=3)
    assert [layer.layer for layer in learned.layers] == ["Brightness", "ConditionalPixelTransform"]
    assert learned.passthrough == recipe.passthrough
    kernel, bias = (weight.to_array() for weight in learned.layers[1].weights)
    assert kernel.shape == (3, 3, 3, 1)
    assert bias != 2.0  # what it starts with


def test_gradients_go_through_the_mask():
    model = build_model(crops(), ConditionalPixelTransform())
    images, flower = next(crops().batch(20).as_numpy_iterator())
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(images)[:, 0] - flower) ** 2)
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    assert len(gradients) == 4
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)
