"""The weights of the encoder's first layer, as pictures."""

import keras
import numpy as np

from sslkeras import report
from sslkeras.pictures.canvas import draw_image, new_figure, save
from sslkeras.pictures.examples import main_encoder

_MOST = 64


def draw(run, folder, examples, seed):
    """Writes filters.png, an image a filter or unit."""
    name, encoder = main_encoder(run)
    found = first_weights(encoder)
    if found is None:
        report.warn(
            f"The picture 'filters' is left out: '{name}' does not begin with a convolution or a "
            "dense layer on pixels."
        )
        return []
    weights, what = found
    weights = weights[:_MOST]
    across = int(np.ceil(np.sqrt(len(weights) * 1.6)))
    down = -(-len(weights) // across)
    figure = new_figure(max(0.75 * across + 0.9, 4.5), max(0.75 * down + 0.6, 2.0))
    figure.suptitle(f"{what} of '{name}'", fontsize=11)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    largest = np.abs(weights).max() or 1.0
    drawn = None
    for axes, weight in zip(panels, weights, strict=False):
        if weight.shape[-1] == 3:
            draw_image(axes, 0.5 + 0.5 * weight / largest)
        else:
            drawn = draw_image(
                axes, weight.mean(axis=-1), cmap="RdBu_r", vmin=-largest, vmax=largest
            )
    for axes in panels[len(weights) :]:
        axes.set_visible(False)
    if drawn is not None:
        figure.colorbar(drawn, ax=list(panels), label="weight", shrink=0.8, aspect=30)
    return [save(figure, folder, "filters")]


def first_weights(encoder):
    """What the encoder's first layer with weights compares pixels with.

    Returns:
        Array `(filters, height, width, channels)` and words for it; None if that layer is
        neither a 2-D or 3-D convolution nor dense on a flattened image.
    """
    for layer in flat_layers(encoder):
        if isinstance(layer, keras.layers.BatchNormalization):
            continue
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv3D)) and hasattr(
            layer, "kernel"
        ):
            kernel = np.asarray(layer.kernel)
            words = f"First convolution ({' x '.join(map(str, kernel.shape[:-2]))})"
            if kernel.ndim == 5:
                kernel, words = kernel[len(kernel) // 2], words + ", middle frame"
            return np.moveaxis(kernel, -1, 0), words
        if layer.get_weights():
            return _dense_weights(layer, encoder.input_shape[1:])
    return None


def _dense_weights(layer, shape):
    """As `first_weights`, of a layer that multiplies all pixels by a matrix `kernel`."""
    kernel = np.asarray(getattr(layer, "kernel", 0))
    if kernel.ndim != 2 or len(shape) != 3 or None in shape or len(kernel) != np.prod(shape):
        return None
    return kernel.T.reshape(-1, *shape), "Weights of the first dense layer"


def flat_layers(model):
    """The layers of `model` in order, those of models within it in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from flat_layers(layer)
        else:
            yield layer
