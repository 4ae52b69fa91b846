"""How an image and a sound are compared: layers between two trunks and an answer.

R. Arandjelovic, A. Zisserman, "Objects that Sound", ECCV 2018,
https://arxiv.org/abs/1712.06651 (sections 3.1 and 4.1).
"""

import keras
import tensorflow as tf

# Under the root, whose gradient at 0 would be infinite.
_EPSILON = 1e-12


class _Comparison(keras.layers.Layer):
    """A layer without weights that computes in float32."""

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})


@keras.saving.register_keras_serializable(package="sslkeras_audiovisual")
class EuclideanDistance(_Comparison):
    """`[image, sound]`, both `(batch, features)`, to their distances `(batch, 1)`."""

    def call(self, inputs):
        image, sound = inputs
        squares = tf.reduce_sum(tf.square(image - sound), axis=-1, keepdims=True)
        return tf.sqrt(squares + _EPSILON)


@keras.saving.register_keras_serializable(package="sslkeras_audiovisual")
class SimilarityMap(_Comparison):
    """`[image, sound]`, `(batch, height, width, features)` and `(batch, features)`.

    Gives `(batch, height, width, 1)`: the inner product of the sound with each place.
    """

    def call(self, inputs):
        image, sound = inputs
        return tf.einsum("bhwf,bf->bhw", image, sound)[..., tf.newaxis]


@keras.saving.register_keras_serializable(package="sslkeras_audiovisual")
class LoudestPlace(_Comparison):
    """A map `(batch, height, width, 1)` to logits `(batch, 2)` of no and yes: 0 and its maximum.

    The softmax of these is the sigmoid of the maximum. Of equal places only the first gets
    gradient, so that it is always one.
    """

    def call(self, inputs):
        places = tf.reshape(inputs, [tf.shape(inputs)[0], -1])
        first = tf.argmax(places, axis=1, output_type=tf.int32)
        score = tf.gather(places, first, batch_dims=1)
        return tf.stack([tf.zeros_like(score), score], axis=1)
