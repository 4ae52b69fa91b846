"""Measured dirt: opacity and light of real panes, from files or arrays."""

import zipfile

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError
from sslkeras.hyperparameters import Constraint

_NAMES = ("alpha", "alpha_dirt")


class MaskSource(Constraint):
    """A path to an npz file, or a dict, with the arrays `alpha` and `alpha_dirt`."""

    description = (
        "the path of an npz file, or a dict, with the arrays 'alpha' (masks, height, width) and "
        "'alpha_dirt' (masks, height, width, 3)"
    )

    def accepts(self, value):
        if isinstance(value, dict):
            return set(value) == set(_NAMES)
        return isinstance(value, str) and bool(value)


class MaskLibrary:
    """Pairs of alpha and alpha * D, cut to random squares, mirrored and turned.

    Args:
        source: See `MaskSource`.
        size: Rows and columns of a square.

    Raises:
        DataError: If the file cannot be read, or the arrays do not fit each other or are
            smaller than `size`.
    """

    def __init__(self, source, size):
        alpha, dirt = self._read(source)
        if alpha.ndim == 3:
            alpha = alpha[..., np.newaxis]
        if (
            alpha.ndim != 4
            or alpha.shape[-1] not in (1, 3)
            or dirt.shape != (*alpha.shape[:3], 3)
            or len(alpha) == 0
            or min(alpha.shape[1:3]) < size
        ):
            raise DataError(
                "Dirt masks must be arrays 'alpha' (masks, height, width) and 'alpha_dirt' (masks, "
                f"height, width, 3) of at least {size} x {size} pixels. Received: alpha "
                f"{alpha.shape}, alpha_dirt {dirt.shape}. Choose larger masks or a smaller "
                "`patch_size`."
            )
        if not (alpha.min() >= 0 and alpha.max() <= 1):
            raise DataError(
                "The opacity 'alpha' of dirt masks must lie in [0, 1]. Received: values from "
                f"{alpha.min()} to {alpha.max()}."
            )
        self._size, self._alpha_channels = size, alpha.shape[-1]
        self._masks = np.concatenate([alpha, dirt], axis=-1)

    def draw(self, seed, batch):
        """Draws masks for a batch.

        Returns:
            `alpha`, float `(batch, size, size, 1 or 3)`, and `alpha * D`, `(..., 3)`.
        """
        from sslkeras_autoencoding.crops import crop, random_places

        count, height, width, _ = self._masks.shape
        which, where, upright, turned = tf.unstack(tf.random.split(seed, 4))
        chosen = tf.random.stateless_uniform((batch,), which, 0, count, tf.int32)
        rows, columns = random_places(where, batch, height, width, self._size)
        flip = tf.random.stateless_uniform((batch, 1), upright) < 0.5
        rows = tf.where(flip, rows[:, ::-1], rows)
        masks = crop(tf.gather(tf.constant(self._masks), chosen), rows, columns)
        # With both mirrorings, transposing half of them gives all quarter turns.
        transpose = tf.random.stateless_uniform((batch, 1, 1, 1), turned) < 0.5
        masks = tf.where(transpose, tf.transpose(masks, (0, 2, 1, 3)), masks)
        return masks[..., : self._alpha_channels], masks[..., self._alpha_channels :]

    @staticmethod
    def _read(source):
        try:
            if isinstance(source, str):
                with np.load(source, allow_pickle=False) as file:
                    source = {name: file[name] for name in _NAMES}
            return tuple(np.asarray(source[name], np.float32) for name in _NAMES)
        except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise DataError(
                f"Dirt masks must be {MaskSource.description}. Received: {source!r:.200} "
                f"({type(error).__name__}: {error}). Check the path and the names."
            ) from error
