"""Maps of clips: what an encoder sees at each place of each frame."""

import functools

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError


class FeatureMaps:
    """Maps of clips (or images) with a frozen encoder in inference mode.

    Args:
        encoder: Trunk of frames, `(height, width, channels) -> (rows, columns, features)`,
            or of clips, `(time, ...) -> (time, rows, columns, features)`.
        batch_size: Frames in a batch for a trunk of frames.
    """

    def __init__(self, encoder, batch_size=64):
        self._encoder, self._batch_size = encoder, batch_size
        takes, gives = encoder.inputs[0].shape, encoder.outputs[0].shape
        if len(encoder.inputs) != 1 or gives.rank not in (4, 5) or takes.rank not in (4, 5):
            raise DataError(
                "An encoder whose places are compared must take one input and keep the layout: "
                "(batch, rows, columns, features), or with a time axis after the batch. "
                f"Received: {takes} -> {gives}. Choose an encoder that ends in a map."
            )

    def __call__(self, batch):
        """Maps of a batch.

        Args:
            batch: float32 as the encoder takes it, or with a time axis more.

        Returns:
            float32 array `(batch, time, rows, columns, features)`; time is 1 for images.

        Raises:
            DataError: If the shape does not fit or a value is NaN or infinite.
        """
        takes = self._encoder.inputs[0].shape
        per_frame = len(batch.shape) == takes.rank + 1
        inside = batch.shape[2:] if per_frame else batch.shape[1:]
        if (
            not per_frame
            and len(batch.shape) != takes.rank
            or not takes[1:].is_compatible_with(inside)
        ):
            raise DataError(
                f"Clips must have the shape that the encoder takes, {takes[1:]}, or be sequences "
                f"of it. Received: {tuple(batch.shape[1:])}. Choose another dataset or encoder."
            )
        batch = tf.cast(batch, self._encoder.inputs[0].dtype)
        if per_frame:
            clips, time = batch.shape[:2]
            frames = tf.reshape(batch, [-1, *inside])
            maps = np.concatenate(
                [
                    self._forward(frames[start : start + self._batch_size]).numpy()
                    for start in range(0, clips * time, self._batch_size)
                ]
            )
            maps = maps.reshape(clips, time, *maps.shape[1:])
        else:
            maps = self._forward(batch).numpy()
            if maps.ndim == 4:
                maps = maps[:, np.newaxis]
        if not np.isfinite(maps).all():
            bad = int((~np.isfinite(maps).all(axis=tuple(range(1, maps.ndim)))).sum())
            raise DataError(
                f"Features must be finite. Received: NaN or infinity in {bad} of {len(maps)} "
                "examples. Look for a diverged training or for examples with NaN."
            )
        return maps

    @functools.cached_property
    def _forward(self):
        takes = self._encoder.inputs[0]

        @tf.function(input_signature=[tf.TensorSpec([None, *takes.shape[1:]], takes.dtype)])
        def forward(inputs):
            return tf.cast(self._encoder(inputs, training=False), tf.float32)

        return forward


def raw_batches(split, names, batch_size, limit=None):
    """Batches of the named features, the first `limit` examples of a split in order.

    Yields:
        Feature name to tensor `(examples, ...)` in its stored dtype.
    """
    done = 0
    for batch in split.batches(batch_size, only=tuple(names)):
        size = len(batch[names[0]])
        if limit is not None and done + size > limit:
            size = limit - done
            batch = {name: value[:size] for name, value in batch.items()}
        if size:
            yield {name: batch[name] for name in names}
        done += size
        if limit is not None and done >= limit:
            return
