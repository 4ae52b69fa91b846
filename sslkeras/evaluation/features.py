"""Features of a split: one batched pass with the encoder in inference mode."""

import dataclasses

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import as_float
from sslkeras.encoders.resizing import at_size
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.feature_store import FeatureStore
from sslkeras.layers.features import POOLINGS, pool

# Features with no more values than this an example are read along as possible targets.
_LARGEST_TARGET = 64


@dataclasses.dataclass(frozen=True)
class Extracted:
    """Features and targets of one split, row by row, in the split's order.

    Attributes:
        features: float32 `(examples, features)`, a memory map of a file.
        targets: Array `(examples, ...)` by feature name: every small feature of the data.
    """

    features: np.ndarray
    targets: dict


def check_pooling(pooling):
    """Raises `ConfigurationError` unless `pooling` is one that `layers.pool` knows."""
    cells = pooling.partition("grid:")[2] if isinstance(pooling, str) else ""
    if pooling not in POOLINGS and not (cells.isdigit() and int(cells) > 0):
        raise ConfigurationError(
            f"`pooling` must be one of {', '.join(map(repr, POOLINGS))} or 'grid:k' with a whole "
            f"number k. Received: pooling={pooling!r}."
        )


def embed(encoder, inputs, pooling, training=False):
    """Vectors of a batch: the encoder's output, pooled; frames of a clip are averaged.

    Args:
        encoder: The trunk.
        inputs: `(batch, ...)` as the encoder takes it, or with a time axis more.
        pooling: See `sslkeras.layers.pool`.
        training: Whether BatchNormalization and Dropout act as in training.

    Returns:
        float32 `(batch, features)`.
    """
    if inputs.shape.rank == encoder.inputs[0].shape.rank + 1:
        shape = tf.shape(inputs)
        frames = tf.reshape(inputs, tf.concat([[-1], shape[2:]], 0))
        frames = tf.ensure_shape(frames, [None, *inputs.shape[2:]])
        vectors = pool(encoder(frames, training=training), pooling)
        width = vectors.shape[-1] or tf.shape(vectors)[-1]
        return tf.reduce_mean(tf.reshape(vectors, [shape[0], -1, width]), axis=1)
    return pool(encoder(inputs, training=training), pooling)


def feature_for(encoder, split, wanted) -> str:
    """The feature of `split` that `encoder` takes: `wanted`, or the image for its frames.

    Raises:
        DataError: If the split lacks it or its shape does not fit.
    """
    if len(encoder.inputs) != 1:
        raise DataError(
            "An encoder that is judged must take one input. Received: "
            f"{len(encoder.inputs)} inputs. Name another encoder with `encoder`."
        )
    takes = encoder.inputs[0].shape[1:]
    name = wanted
    if name not in split.features and "image" in split.features and takes.rank == 3:
        name = "image"  # Trained on frames, judged on pictures.
    if name not in split.features:
        raise DataError(
            f"The dataset must offer '{wanted}', which the encoder reads. Received: a dataset "
            f"with {', '.join(sorted(split.features)) or 'no features'}. Choose another dataset "
            "(`sslkeras list` shows what each offers)."
        )
    shape = split.features[name].shape
    if at_size(encoder, _part_taken(encoder, shape)) is None:
        raise DataError(
            f"'{name}' of the dataset must have the shape that the encoder takes, {takes}. "
            f"Received: {shape}. Resize the examples, or choose another dataset."
        )
    return name


def for_size_of(encoder, shape):
    """`encoder` for raw examples of `shape`, which may be clips of what it takes.

    It is `encoder` itself where it fits, and where it cannot be made to fit.
    """
    return at_size(encoder, _part_taken(encoder, shape)) or encoder


def _part_taken(encoder, shape):
    """Shape of a raw example, or of its frames if the encoder has an axis less."""
    clip = shape.rank is not None and shape.rank == encoder.inputs[0].shape.rank
    return shape[1:] if clip else shape


def target_names(split, feature, wanted=()) -> tuple:
    """Features that are read along with `feature` as possible targets.

    Args:
        split: The `Split`.
        feature: Name of the feature to embed.
        wanted: Names of features that are read whatever their size, where the split has them
            in a shape that is known.
    """
    return tuple(
        name
        for name, spec in split.features.items()
        if name != feature
        and spec.shape.is_fully_defined()
        and (name in wanted or spec.shape.num_elements() <= _LARGEST_TARGET)
    )


def extract(split, feature, embedding, batch_size, *, wanted=(), store=None, key=None) -> Extracted:
    """One pass over `split`; the features go from batch to file.

    Args:
        split: The `Split`.
        feature: Name of the feature to embed.
        embedding: A function without arguments that makes the embedding: `(batch, ...)` float
            batch -> float32 `(batch, features)`. It is not called where the features are found.
        batch_size: Examples in a batch; the last one may be smaller.
        wanted: See `target_names`.
        store: The `FeatureStore` that holds the features; None for a temporary one.
        key: What the features depend on; see `FeatureStore.entry`.

    Raises:
        DataError: If the split is empty.
        RunError: If the features cannot be written.
    """
    names = target_names(split, feature, wanted)

    def produce(write):
        embed_batch, columns = embedding(), {name: [] for name in names}
        empty = True
        for batch in split.batches(batch_size, only=(feature, *names)):
            for name in names:
                columns[name].append(batch[name].numpy())
            write(np.asarray(embed_batch(as_float({feature: batch[feature]})[feature])))
            empty = False
        if empty:
            raise DataError(
                "A split that is judged must have an example. Received: an empty split. Choose "
                "another dataset."
            )
        return {name: np.concatenate(parts) for name, parts in columns.items()}

    entry = (store or FeatureStore()).entry(key, produce)
    return Extracted(entry.rows, entry.arrays)


def embedding_of(encoder, pooling, spec):
    """`batch -> float32 (batch, features)` with the frozen encoder, on its replicas if several.

    Images may have another size than the encoder was built for, if its weights allow that.
    """
    strategy = encoder.distribute_strategy
    encoder = for_size_of(encoder, spec.shape)

    dtype = tf.float32 if spec.dtype == tf.uint8 else spec.dtype

    def forward(inputs):
        return embed(encoder, inputs, pooling)

    @tf.function(reduce_retracing=True)
    def forward_on_replicas(inputs):
        return strategy.run(forward, args=(inputs,))

    forward_here = tf.function(forward, input_signature=[tf.TensorSpec([None, *spec.shape], dtype)])

    replicas = strategy.num_replicas_in_sync
    # With several workers each judges all of the data: one local batch each.
    if replicas == 1 or not isinstance(strategy, tf.distribute.MirroredStrategy):
        return forward_here.get_concrete_function()

    def on_replicas(inputs):
        count = inputs.shape[0]
        if count < replicas:
            return forward_here(inputs)
        ends = [count * part // replicas for part in range(replicas + 1)]
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: inputs[
                ends[context.replica_id_in_sync_group] : ends[context.replica_id_in_sync_group + 1]
            ]
        )
        parts = strategy.experimental_local_results(forward_on_replicas(shares))
        return np.concatenate([part.numpy() for part in parts])

    return on_replicas
