"""Where the encoder looks and what it prefers to see, through tf-keras-vis.

An encoder has no class score to explain. Its score is how far an image's features stand
out: with the mean m of the features of the drawn images,

    score(x) = <f(x), f(x0) - m>,   the direction f(x0) - m being held fixed.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf
from matplotlib.cm import ScalarMappable

from sslkeras import report
from sslkeras.layers.features import as_vector
from sslkeras.pictures.canvas import displayable, draw_image, new_figure, save
from sslkeras.pictures.examples import encoder_images, main_encoder
from sslkeras.pictures.filters import flat_layers

_SMOOTH_SAMPLES = 16
_STEPS = 128


def draw(run, folder, examples, seed):
    """Writes attention.png (Grad-CAM, saliency) and preferred.png (activation maximisation)."""
    name, encoder = main_encoder(run)
    images = encoder_images(run, examples, seed)
    if images is None or None in images.shape:
        report.warn(f"The picture 'attention' is left out: '{name}' does not take images.")
        return []
    model, layer = embedding_model(_in_float32(encoder, run), images.shape[1:])
    if layer is None:
        report.warn(
            f"Grad-CAM is left out of the picture 'attention': '{name}' has no convolution whose "
            "output keeps a spatial layout."
        )
    with _numpy_seed(seed):
        return [
            save(_attention(model, layer, images), folder, "attention"),
            save(_preferred(model, images, examples), folder, "preferred"),
        ]


def embedding_model(encoder, shape):
    """The encoder with its map averaged, and the layer that Grad-CAM looks at.

    Args:
        encoder: Functional trunk.
        shape: `(height, width, channels)` of the images.

    Returns:
        Functional model to `(batch, features)`, and the last layer in it whose output is a
        map of more than one cell; None if no convolution made such a map.
    """
    convolutions = (keras.layers.Conv2D, keras.layers.SeparableConv2D)
    convolves = any(isinstance(layer, convolutions) for layer in flat_layers(encoder))
    inputs = keras.Input(shape)
    outputs = encoder(inputs)
    if outputs.shape.rank == 4:
        map_layer = keras.layers.Activation("linear", dtype="float32", name="map")
        model = keras.Model(inputs, as_vector(map_layer(outputs)))
        if _is_map(map_layer):
            return model, map_layer if convolves else None
    else:
        model = keras.Model(inputs, keras.layers.Activation("linear", dtype="float32")(outputs))
    # The map lies deeper.
    inner = [layer for layer in encoder.layers if _is_map(layer)]
    if not convolves or not inner:
        return model, None
    layer = inner[-1]
    if not isinstance(layer, keras.Model):
        return keras.Model(encoder.inputs, as_vector(encoder.outputs[0])), layer
    # tf-keras-vis cannot look at a model within a model: a layer of its own follows it here.
    outputs = inputs
    map_layer = keras.layers.Activation("linear", dtype="float32", name="map")
    try:
        for step in encoder.layers:
            if not isinstance(step, keras.layers.InputLayer):
                outputs = step(outputs)
            if step is layer:
                outputs = map_layer(outputs)
        chain = keras.Model(inputs, as_vector(outputs))
        probe = tf.random.stateless_uniform((2, *shape), (0, 0))
        same = np.allclose(chain(probe), model(probe), rtol=1e-3, atol=1e-5)
    except (ValueError, TypeError):  # The layers are no chain: they branch or join.
        same = False
    return (chain, map_layer) if same else (model, None)


def _is_map(layer):
    if isinstance(layer, keras.layers.InputLayer):
        return False
    try:
        shape = layer.output_shape
    except (AttributeError, RuntimeError):  # No output, or several.
        return False
    return (
        isinstance(shape, tuple) and len(shape) == 4 and all(n is None or n > 1 for n in shape[1:3])
    )


def _in_float32(encoder, run):
    """`encoder`, rebuilt in float32 if it computes in another dtype (tf-keras-vis needs that)."""
    if all(layer.compute_dtype in (None, "float32") for layer in flat_layers(encoder)):
        return encoder
    policy = keras.mixed_precision.global_policy()
    try:
        keras.mixed_precision.set_global_policy("float32")
        rebuilt = run.encoder(encoder.input_shape[1:])
    finally:
        keras.mixed_precision.set_global_policy(policy)
    rebuilt.set_weights(encoder.get_weights())
    return rebuilt


def _attention(model, layer, images):
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.saliency import Saliency

    features = np.asarray(model(images, training=False))
    direction = tf.constant(features - features.mean(axis=0))

    def score(outputs):
        return tf.reduce_sum(outputs * direction, axis=-1)

    maps = {}
    if layer is not None:
        maps["Grad-CAM"] = Gradcam(model, clone=False)(
            score,
            images,
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            # Features stand out by being weaker than the mean as well as by being stronger.
            activation_modifier=np.abs,
        )
    maps["saliency (SmoothGrad)"] = Saliency(model, clone=False)(
        score, images, smooth_samples=_SMOOTH_SAMPLES, smooth_noise=0.15
    )
    rows = len(images)
    figure = new_figure(1.7 * (1 + len(maps)) + 0.9, 1.45 * rows + 0.6)
    panels = figure.subplots(rows, 1 + len(maps), squeeze=False)
    panels[0, 0].set_title("image", fontsize=10)
    # Over the grey image where that can be made out: few pixels would only look muddy.
    alpha = 0.65 if min(images.shape[1:3]) >= 24 else 1.0
    for i, image in enumerate(images):
        draw_image(panels[i, 0], displayable(image))
        for j, (title, values) in enumerate(maps.items(), start=1):
            if i == 0:
                panels[0, j].set_title(title, fontsize=10)
            grey = displayable(image).mean(axis=-1)
            draw_image(panels[i, j], grey, cmap="gray", vmin=0, vmax=1)
            heat = _unit_range(values[i])
            draw_image(panels[i, j], heat, cmap="inferno", vmin=0, vmax=1, alpha=alpha)
    bar = figure.colorbar(
        ScalarMappable(cmap="inferno"), ax=panels, shrink=min(1.0, 3.0 / rows), aspect=20
    )
    bar.set_label("share in what sets the image's features apart")
    return figure


def _preferred(model, images, count):
    from tf_keras_vis.activation_maximization import ActivationMaximization
    from tf_keras_vis.activation_maximization.input_modifiers import Jitter
    from tf_keras_vis.activation_maximization.regularizers import TotalVariation2D

    features = np.asarray(model(images, training=False))
    mean, spread = features.mean(axis=0), features.std(axis=0)
    channels = np.argsort(-spread, kind="stable")[: min(count, len(spread))]
    shape = (len(channels), *images.shape[1:])
    start = 0.5 + 0.05 * np.random.normal(size=shape).astype(np.float32)

    def score(outputs):
        # Compared with the other features, as many would just like any bright image.
        units = tf.gather((outputs - mean) / (spread + 1e-6), channels, axis=-1)
        return tf.linalg.diag_part(units) - tf.reduce_mean(units, axis=-1)

    jitter = min(images.shape[1:3]) // 16
    found = ActivationMaximization(model, clone=False)(
        score,
        seed_input=start,
        input_range=(0.0, 1.0),
        input_modifiers=[Jitter(jitter=jitter)] if jitter else [],
        regularizers=[TotalVariation2D(weight=0.05)],
        steps=_STEPS,
        optimizer=keras.optimizers.legacy.Adam(0.03),
    )
    across = min(len(channels), 4)
    down = -(-len(channels) // across)
    figure = new_figure(max(1.7 * across, 4.4), 1.85 * down + 0.5)
    figure.suptitle("inputs that features prefer (activation maximisation)", fontsize=11)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for axes, image, channel in zip(panels, np.asarray(found), channels, strict=False):
        draw_image(axes, displayable(image))
        axes.set_title(f"feature {channel}", fontsize=9)
    for axes in panels[len(channels) :]:
        axes.set_visible(False)
    return figure


def _unit_range(values):
    low, high = float(np.min(values)), float(np.max(values))
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


@contextlib.contextmanager
def _numpy_seed(seed):
    """tf-keras-vis draws from NumPy's global generator: seeds it and puts it back."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)
