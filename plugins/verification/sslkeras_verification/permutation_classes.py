"""Which permutation each class of a puzzle is, kept with the weights."""

import json

import keras
import numpy as np
import tensorflow as tf

from sslkeras.errors import CheckpointError


@keras.saving.register_keras_serializable(package="sslkeras_verification")
class PermutationClasses(keras.layers.Layer):
    """Passes logits on and holds the permutations that they are of.

    Classes mean nothing without their permutations. They are in the configuration of this
    layer, thus in `.keras` files, and in each checkpoint; one that was made with others is
    refused when it is read.

    Args:
        permutations: Rows of tile numbers, one for each class.
    """

    def __init__(self, permutations, **kwargs):
        super().__init__(**kwargs)
        self.permutations = np.array(permutations, np.int32)
        self.record = _Record(self.permutations.tolist())

    def call(self, inputs):
        return inputs

    def get_config(self):
        return {**super().get_config(), "permutations": self.permutations.tolist()}


class _Record(tf.train.experimental.PythonState):
    """The permutations in a checkpoint."""

    def __init__(self, permutations):
        self._permutations = permutations

    def serialize(self):
        return json.dumps(self._permutations)

    def deserialize(self, string_value):
        saved = json.loads(string_value)
        if saved != self._permutations:
            same = sum(one == other for one, other in zip(saved, self._permutations))
            raise CheckpointError(
                "The permutations of a checkpoint must be those of the task: its classes mean "
                f"nothing else. Received: {len(saved)} permutations in the checkpoint and "
                f"{len(self._permutations)} of the task, {same} of them alike. Give the set that "
                "the run was trained with in `permutations`, with permutation_mode='custom'."
            )
