"""Shuffling batch normalisation (MoCo, section 3.3).

The keys' batch is normalised in other company than the queries'. Else a query and its key
would share the statistics of one sub-batch, by which they could be matched without looking
at what the images show.
"""

import tensorflow as tf

from sslkeras_contrastive.replicas import gather, own_part


def encode_shuffled(encode, images, sort_keys):
    """`encode(images)`, the global batch shuffled over replicas meanwhile.

    All replicas gather the same sort keys, and so agree on one permutation.

    Args:
        encode: Images to float32 `(replica batch, features)`.
        images: This replica's part, `(replica batch, ...)`.
        sort_keys: float32 `(replica batch,)`, drawn at random: their order is the permutation.

    Returns:
        float32 `(replica batch, features)`: row i belongs to image i. No gradient.
    """
    size = tf.shape(images)[0]
    order = tf.argsort(gather(sort_keys), stable=True)
    shuffled = tf.gather(gather(images), own_part(order, size))
    # all_gather wants to know the shape.
    shuffled = tf.ensure_shape(shuffled, images.shape)
    encoded = gather(encode(shuffled))
    return tf.gather(encoded, own_part(tf.math.invert_permutation(order), size))
