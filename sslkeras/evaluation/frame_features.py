"""Features of every frame of whole videos, which may differ in length."""

import dataclasses

import numpy as np
import tensorflow as tf

from sslkeras.datasets.dataset import as_float
from sslkeras.encoders.resizing import at_size
from sslkeras.errors import DataError
from sslkeras.evaluation.feature_store import FeatureStore
from sslkeras.evaluation.features import embedding_of
from sslkeras.layers.features import pool

# What a dataset of whole videos offers, as the errors say it.
OFFER = (
    "A dataset of whole videos offers 'video' (time, height, width, channels), 'phase' (time,) "
    "with an integer for each frame and, if shorter videos are padded at their end, 'num_frames'"
)
# Values of one frame that are read along as possible targets.
_LARGEST_TARGET = 64


@dataclasses.dataclass(frozen=True)
class Videos:
    """Features and targets of the videos of one split, in the split's order.

    Attributes:
        features: float32 `(frames, features)` for each video, without padding; with several
            views `(views, frames, features)`.
        targets: By feature name an array for each video: `(frames, ...)` of what the data has
            for each frame, `(...)` of what it has for the video.
        rows: The features of all frames, one after the other, `(frames, features)`.
    """

    features: list
    targets: dict
    rows: np.ndarray


def read_videos(split, feature, encoder, pooling, batch_size, *, store=None, key=None) -> Videos:
    """One pass over the videos of `split`.

    An encoder of frames is applied to each frame; one of clips must give features for each
    frame it gets, and is applied to one whole video at a time without its padding.

    Args:
        split: The `Split`.
        feature: Feature with the videos, `(time, height, width, channels)` or `(views, time,
            height, width, channels)`; the time may be unknown.
        encoder: The frozen trunk; None for the values of the frames themselves.
        pooling: How maps of a frame become vectors.
        batch_size: Frames in a batch.
        store: The `FeatureStore` that holds the features; None for a temporary one.
        key: What the features depend on; see `FeatureStore.entry`.

    Raises:
        DataError: If the split lacks the feature, or it does not fit the encoder.
    """
    if feature not in split.features:
        raise DataError(
            f"The dataset must offer '{feature}'. Received: a dataset with "
            f"{', '.join(sorted(split.features)) or 'no features'}. {OFFER}."
        )
    spec = split.features[feature]
    if spec.shape.rank not in (4, 5):
        raise DataError(
            f"'{feature}' must be a video (time, height, width, channels), or several views of "
            f"one. Received: {spec.shape}. {OFFER}."
        )
    names = frame_target_names(split, feature)

    def produce(write):
        embedding = _embedding(encoder, spec, pooling, batch_size, feature)
        shapes, targets = [], {name: [] for name in names}
        for video, values in _each_video(split, feature, names, batch_size):
            frames = embedding(video)
            write(frames.reshape(-1, frames.shape[-1]))
            shapes.append(frames.shape[:-1])
            for name in names:
                targets[name].append(values[name])
        if not shapes:
            raise DataError(
                "A split that is judged must have a video. Received: an empty split. Choose "
                "another dataset."
            )
        arrays = {"shapes": np.array(shapes)}
        for name, values in targets.items():
            arrays[f"values of {name}"] = np.concatenate([np.ravel(value) for value in values])
            arrays[f"shapes of {name}"] = np.array([np.shape(value) for value in values], np.int64)
        return arrays

    entry = (store or FeatureStore()).entry(key, produce)
    shapes = [(*shape, entry.rows.shape[1]) for shape in entry.arrays["shapes"]]
    targets = {}
    for name in names:
        shapes_of = entry.arrays[f"shapes of {name}"]
        targets[name] = _split_up(entry.arrays[f"values of {name}"], shapes_of)
    return Videos(_split_up(entry.rows.reshape(-1), shapes), targets, entry.rows)


def frame_target_names(split, feature) -> list:
    """Features that are read along with the videos as possible targets."""
    spec = split.features[feature]
    return [name for name in split.features if _is_target(split.features[name], spec)]


def _split_up(values, shapes):
    """Arrays of the given shapes from all their values in one row."""
    ends = np.cumsum([np.prod(shape, dtype=np.int64) for shape in shapes])
    parts = np.split(values, ends[:-1])
    return [part.reshape(tuple(shape)) for part, shape in zip(parts, shapes, strict=True)]


def _each_video(split, feature, names, batch_size):
    """Yields each video without its padding, in float, and a dict of the values of `names`."""
    spec = split.features[feature]
    time_axis = spec.shape.rank - 4
    # Videos whose length is not known cannot share a batch.
    shapes = [split.features[name].shape for name in (feature, *names)]
    together = 1
    if all(shape.is_fully_defined() for shape in shapes):
        together = max(1, batch_size // spec.shape[:-3].num_elements())
    number = 0
    for batch in split.batches(together, only=(feature, *names)):
        columns = {name: batch[name].numpy() for name in names}
        videos = as_float({feature: batch[feature]})[feature]
        for row in range(len(videos)):
            total = videos.shape[1 + time_axis]
            frames = int(columns["num_frames"][row]) if "num_frames" in columns else total
            if not 1 <= frames <= total:
                raise DataError(
                    f"'num_frames' must be the number of frames of the video, 1 to {total}. "
                    f"Received: {frames} (video {number}). Check the dataset's reader."
                )
            values = {}
            for name in names:
                value = columns[name][row]
                of_frames = split.features[name].shape.rank and len(value) == total
                values[name] = value[:frames] if of_frames else value
            yield (videos[row, :, :frames] if time_axis else videos[row, :frames]), values
            number += 1


def gives_frames(encoder) -> bool:
    """Whether an encoder has features for each frame: it takes frames, or keeps the time."""
    takes, gives = encoder.inputs[0].shape, encoder.outputs[0].shape
    return takes.rank == 4 or (takes.rank == 5 and gives.rank in (3, 5))


def _is_target(spec, video):
    """Whether a feature is small enough to be read along."""
    if spec.shape.rank is None or spec.shape.rank > 2:
        return False
    if spec.shape.rank < 2:
        return True
    values = spec.shape[1:] if spec.shape[0] in (None, video.shape[-4]) else spec.shape
    return values.is_fully_defined() and values.num_elements() <= _LARGEST_TARGET


def _embedding(encoder, spec, pooling, batch_size, feature):
    """`video -> float32 array (..., frames, features)`, of one video without padding."""
    frame = spec.shape[-3:]
    if encoder is None:
        return lambda video: video.numpy().reshape(*video.shape[:-3], -1)
    if len(encoder.inputs) != 1:
        raise DataError(
            "An encoder that is judged must take one input. Received: "
            f"{len(encoder.inputs)} inputs. Name another encoder with `encoder`."
        )
    takes = encoder.inputs[0].shape[1:]
    if takes.rank == 3 and at_size(encoder, frame) is not None:
        of_frames = embedding_of(encoder, pooling, tf.TensorSpec(frame, spec.dtype))

        def embed(video):
            frames = tf.reshape(video, [-1, *video.shape[-3:]])
            parts = [
                np.asarray(of_frames(frames[start : start + batch_size]))
                for start in range(0, len(frames), batch_size)
            ]
            return np.concatenate(parts).reshape(*video.shape[:-3], -1)

        return embed
    if takes.rank != 4 or not takes.is_compatible_with(spec.shape[-4:]):
        raise DataError(
            f"The frames of '{feature}' must have the shape that the encoder takes, {takes}. "
            f"Received: {spec.shape}. Resize the frames, or choose another dataset."
        )

    # One graph for videos of all lengths.
    @tf.function(input_signature=[tf.TensorSpec([None, *takes], spec.dtype)])
    def of_clips(clips):
        given = encoder(clips, training=False)
        if given.shape.rank == 3:
            return tf.cast(given, tf.float32)
        maps = tf.reshape(given, tf.concat([[-1], tf.shape(given)[2:]], 0))
        vectors = pool(tf.ensure_shape(maps, [None, *given.shape[2:]]), pooling)
        return tf.reshape(vectors, tf.concat([tf.shape(given)[:2], [-1]], 0))

    gives = encoder.outputs[0].shape
    if gives.rank not in (3, 5):
        raise DataError(
            "An encoder of clips whose frames are compared must keep the time axis: (batch, time, "
            f"features). Received: {gives}. Name an encoder of frames with `encoder`."
        )

    def embed(video):
        clips = tf.reshape(video, [-1, *video.shape[-4:]])
        frames = clips.shape[1]
        if takes[0] is not None and takes[0] < frames:
            raise DataError(
                f"A video must be no longer than the encoder takes, {takes[0]} frames. Received: "
                f"{frames} frames. Choose shorter videos, or an encoder of frames."
            )
        if takes[0] is not None and takes[0] > frames:  # It takes no other length.
            last = tf.repeat(clips[:, -1:], takes[0] - frames, axis=1)
            clips = tf.concat([clips, last], axis=1)
        result = of_clips(clips).numpy()
        if result.shape[1] != clips.shape[1]:
            raise DataError(
                "An encoder of clips whose frames are compared must give features for each frame. "
                f"Received: {result.shape[1]} for {clips.shape[1]} frames. Name an encoder of "
                "frames with `encoder`."
            )
        return result[:, :frames].reshape(*video.shape[:-3], -1)

    return embed
