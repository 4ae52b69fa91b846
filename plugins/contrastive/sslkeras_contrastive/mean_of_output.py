"""A metric of what a model answers, whatever the targets."""

import keras


@keras.saving.register_keras_serializable(package="sslkeras_contrastive")
class MeanOfOutput(keras.metrics.Mean):
    """Mean of `function(outputs)` over all its values and all batches.

    Args:
        function: Outputs `(batch, ...)` to numbers of any shape.
        name: As in Keras.
    """

    def __init__(self, function, name):
        super().__init__(name=name)
        self.function = function

    def update_state(self, targets, outputs, sample_weight=None):
        return super().update_state(self.function(outputs))
