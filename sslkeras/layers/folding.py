"""One trunk for several views, or frames, of an example: they become rows of one batch."""

import keras
import tensorflow as tf


def apply_to_views(model, views):
    """Feeds all views through one model in a single call.

    So batch normalisation sees one set of statistics, over all views of all examples.

    Args:
        model: A trunk, `(batch, ...) -> (batch, ...)`.
        views: Keras tensor `(batch, views, ...)`, the number of views known.

    Returns:
        Keras tensor `(batch, views, ...)`: the outputs, in the order of the views.
    """
    return UnfoldViews(views.shape[1])(model(FoldViews()(views)))


@keras.saving.register_keras_serializable(package="sslkeras")
class FoldViews(keras.layers.Layer):
    """`(batch, views, ...)` to `(batch * views, ...)`, the views of an example in a row."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)  # Values stay in their precision.

    def call(self, inputs):
        folded = tf.reshape(inputs, tf.concat([[-1], tf.shape(inputs)[2:]], axis=0))
        return tf.ensure_shape(folded, [None, *inputs.shape[2:]])


@keras.saving.register_keras_serializable(package="sslkeras")
class UnfoldViews(keras.layers.Layer):
    """What `FoldViews` did, backwards.

    Args:
        num_views: Views of an example.
    """

    def __init__(self, num_views, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.num_views = num_views

    def call(self, inputs):
        shape = tf.concat([[-1, self.num_views], tf.shape(inputs)[1:]], axis=0)
        return tf.ensure_shape(tf.reshape(inputs, shape), [None, self.num_views, *inputs.shape[1:]])

    def get_config(self):
        return {**super().get_config(), "num_views": self.num_views}


@keras.saving.register_keras_serializable(package="sslkeras")
class UnfoldTime(keras.layers.Layer):
    """What `FoldViews` did to clips whose length need not be known, backwards.

    Called with features of frames `(batch * time, ...)` and the clips `(batch, time, ...)` that
    they are of; gives `(batch, time, ...)` features.
    """

    def call(self, inputs):
        features, clips = inputs
        shape = tf.concat([tf.shape(clips)[:2], tf.shape(features)[1:]], axis=0)
        unfolded = tf.reshape(features, shape)
        return tf.ensure_shape(unfolded, [None, clips.shape[1], *features.shape[1:]])


def apply_to_frames(model, clips):
    """Feeds all frames of clips through one model in a single call.

    Args:
        model: A trunk of frames, `(batch, ...) -> (batch, ...)`.
        clips: Keras tensor `(batch, time, ...)`; the time need not be known.

    Returns:
        Keras tensor `(batch, time, ...)`: the outputs, in the order of the frames.
    """
    return UnfoldTime()([model(FoldViews()(clips)), clips])
