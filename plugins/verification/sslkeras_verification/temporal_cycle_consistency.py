"""Temporal cycle consistency (TCC).

D. Dwibedi, Y. Aytar, J. Tompson, P. Sermanet, A. Zisserman, "Temporal Cycle-Consistency
Learning", CVPR 2019, https://arxiv.org/abs/1904.07846.
"""

import keras
import tensorflow as tf

from sslkeras import Task
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import AnyOf, Boolean, Choice, Integer, ListOf, Real
from sslkeras.layers import (
    ReproducibleDropout,
    apply_to_frames,
    apply_to_views,
    convolution_3d,
)
from sslkeras_verification.cycle_consistency import CycleAccuracy, CycleConsistency
from sslkeras_verification.cycles import all_pairs
from sslkeras_verification.past_context import PastContext, context_indices

_KINDS = ("classification", "regression_mse", "regression_mse_var", "regression_huber")


class TemporalCycleConsistency(Task):
    """Finds the way from a frame to another video of the same activity and back to the frame.

    Withheld is which moments of two videos of one activity correspond. A frame goes to its soft
    nearest neighbour among the frames of the other video, and from there back to its own, see
    `cycles`; it must land where it began. Nothing is known of the videos but that the same
    happens in both, so that the embedding must be of what happens.

    The trivial answer is to count: who knows the place of a frame in its clip needs not look
    at it. So each frame is embedded by itself with a few frames before it, and frames are drawn
    at uneven steps.

    An example is a set of `videos_per_set` videos of one activity, those of one `label` where the
    dataset has such; the batch size counts sets. Videos of different length tell theirs in
    `num_frames`.

    The loss of a return with logits x, beta = softmax(x), at times t of the start video:

    - "classification": cross-entropy of beta with the start.
    - "regression_mse": (t_i - mu)^2, mu = sum beta_k t_k.
    - "regression_mse_var": (t_i - mu)^2 / var + lambda log(var), var = sum beta_k (t_k - mu)^2.
    - "regression_huber": Huber loss of t_i - mu.

    "encoder" transfers: trunk and embedder. It takes whole clips of any length and keeps the time
    axis; with `num_context=1` it takes frames.

    Args:
        num_frames: T >= 2, frames drawn of a video. Defaults to 20, as in the release.
        videos_per_set: N >= 2.
        num_context: k, how many frames are seen for each, itself and earlier ones.
        context_stride: Frames from one of them to the next.
        sampling: "offset_uniform": different frames at random, but not the first; "stride": evenly
            from a random one on, where the last is repeated at the end.
        stride: Of that sampling, in frames.
        image_size: Side, or (height, width), of the frames that the network sees, in pixels.
        loss_type: See above. Defaults to "regression_mse_var", as in the paper.
        similarity: "l2" or "cosine", which multiplies without normalising.
        temperature: tau > 0.
        label_smoothing: Of the classification, in [0, 1).
        variance_lambda: lambda >= 0.
        huber_delta: > 0.
        normalize_indices: Whether times are parts of the video's length, or frames.
        normalize_embeddings: Whether the embedder brings embeddings to length 1. Distances are then
            4 at most, and small networks from random weights need a `temperature` of about 0.02.
        stochastic_matching: Whether cycles are drawn at random, instead of all pairs.
        num_cycles: How many are drawn of a set.
        cycle_length: Different videos in a cycle, 2 to `videos_per_set`.
        crop: Least side of a random crop as a part of the frame's, in (0, 1]; 1, as in the
            release by default, for none. It is resized to `image_size`.
        flip, brightness, contrast: Probability of mirroring, greatest change of brightness and
            of contrast. These and the crop are drawn once a video, for all of its frames.
        conv_filters: Channels of the embedder's 3 x 3 x 3 convolutions, after which the maximum
            over places is taken; without any, maps are flattened. Left out where the trunk gives
            vectors of single frames.
        dense_units: Widths of its hidden dense layers.
        embedding_size: D.
        dropout: Before each hidden dense layer, in [0, 1).
        l2: Weight of the squared weights of the embedder in the loss, >= 0.
        train_base: Which weights of the trunk learn: "all", "batch_norm" as in the paper for
            pretrained ones, or "none".

    Raises:
        ConfigurationError: If an argument is out of range, or a cycle is longer than a set.
        DataError: If frames are of unknown size or neither gray nor in colour.
    """

    targets_in_inputs = "none"
    optional_reads = ("num_frames", "label")
    probes = ("kendall_tau",)
    hyperparameters = {
        "num_frames": Integer(2),
        "videos_per_set": Integer(2),
        "num_context": Integer(1),
        "context_stride": Integer(1, unit="frames"),
        "sampling": Choice("offset_uniform", "stride"),
        "stride": Integer(1, unit="frames"),
        "image_size": AnyOf(Integer(8, unit="pixels"), ListOf(Integer(8, unit="pixels"), length=2)),
        "loss_type": Choice(*_KINDS),
        "similarity": Choice("l2", "cosine"),
        "temperature": Real(0, closed="neither"),
        "label_smoothing": Real(0, 1, closed="left"),
        "variance_lambda": Real(0),
        "huber_delta": Real(0, closed="neither"),
        "normalize_indices": Boolean(),
        "normalize_embeddings": Boolean(),
        "stochastic_matching": Boolean(),
        "num_cycles": Integer(1),
        "cycle_length": Integer(2),
        "crop": Real(0, 1, closed="right"),
        "flip": Real(0, 1),
        "brightness": Real(0, 1),
        "contrast": Real(0, 1, closed="left"),
        "conv_filters": ListOf(Integer(1)),
        "dense_units": ListOf(Integer(1)),
        "embedding_size": Integer(1),
        "dropout": Real(0, 1, closed="left"),
        "l2": Real(0),
        "train_base": Choice("all", "batch_norm", "none"),
    }

    def __init__(
        self,
        *,
        num_frames=20,
        videos_per_set=2,
        num_context=2,
        context_stride=15,
        sampling="offset_uniform",
        stride=16,
        image_size=224,
        loss_type="regression_mse_var",
        similarity="l2",
        temperature=0.1,
        label_smoothing=0.1,
        variance_lambda=0.001,
        huber_delta=0.1,
        normalize_indices=True,
        normalize_embeddings=False,
        stochastic_matching=False,
        num_cycles=20,
        cycle_length=2,
        crop=1.0,
        flip=0.5,
        brightness=32 / 255,
        contrast=0.5,
        conv_filters=(512, 512),
        dense_units=(512, 512),
        embedding_size=128,
        dropout=0.1,
        l2=1e-5,
        train_base="all",
    ):
        super().__init__(
            num_frames=num_frames,
            videos_per_set=videos_per_set,
            num_context=num_context,
            context_stride=context_stride,
            sampling=sampling,
            stride=stride,
            image_size=image_size,
            loss_type=loss_type,
            similarity=similarity,
            temperature=temperature,
            label_smoothing=label_smoothing,
            variance_lambda=variance_lambda,
            huber_delta=huber_delta,
            normalize_indices=normalize_indices,
            normalize_embeddings=normalize_embeddings,
            stochastic_matching=stochastic_matching,
            num_cycles=num_cycles,
            cycle_length=cycle_length,
            crop=crop,
            flip=flip,
            brightness=brightness,
            contrast=contrast,
            conv_filters=conv_filters,
            dense_units=dense_units,
            embedding_size=embedding_size,
            dropout=dropout,
            l2=l2,
            train_base=train_base,
        )
        self.reads = {"video": (2, 1, 1, 1)}
        if self.stochastic_matching and self.cycle_length > self.videos_per_set:
            raise ConfigurationError(
                "`cycle_length` of TemporalCycleConsistency must be at most `videos_per_set`. "
                f"Received: cycle_length={cycle_length}, videos_per_set={videos_per_set}. Change "
                "one of them."
            )

    def check(self, split):
        super().check(split)
        shape = split.features["video"].shape
        if not shape[1:].is_fully_defined() or shape[-1] not in (1, 3):
            raise DataError(
                "TemporalCycleConsistency needs gray or colour frames of one known size. Received: "
                f"'video' {shape}. Resize or convert them."
            )

    def select(self, examples, seed):
        """Draws frames of each video and puts videos of one activity together.

        Args:
            examples: Raw examples with "video", and "num_frames" and "label" if there are.
            seed: int64 `(2,)`.

        Returns:
            `tf.data.Dataset` of sets: "frames" `(N, T, k, height, width, channels)`, "steps" int32
            `(N, T)` and "length" int32 `(N,)`.
        """
        labelled = "label" in examples.element_spec
        grouped = labelled and examples.element_spec["label"].shape.rank == 0

        def draw(number, example):
            own = tf.random.experimental.stateless_fold_in(seed, number)
            video = example["video"]
            length = tf.cast(example.get("num_frames", tf.shape(video)[0]), tf.int32)
            steps = self.draw_steps(length, own)
            wanted = context_indices(steps, self.num_context, self.context_stride)
            drawn = {"frames": tf.gather(video, wanted), "steps": steps, "length": length}
            return tf.cast(example["label"], tf.int64) if grouped else tf.zeros([], tf.int64), drawn

        def as_set(_, members):
            members = members.map(lambda _, drawn: drawn)
            return members.batch(self.videos_per_set, drop_remainder=True)

        drawn = examples.enumerate().map(draw, num_parallel_calls=tf.data.AUTOTUNE)
        return drawn.group_by_window(lambda label, _: label, as_set, self.videos_per_set)

    def draw_steps(self, length, seed):
        """int32 `(T,)`: which frames of a video of `length` are seen, in order."""
        count = self.num_frames
        if self.sampling == "stride":
            last = tf.maximum(length - (count - 1) * self.stride, 1)
            start = tf.random.stateless_uniform([], seed, 0, last, tf.int32)
            return tf.minimum(start + tf.range(count) * self.stride, length - 1)
        # Not the first frame; all in order where there are too few.
        order = tf.argsort(tf.random.stateless_uniform([tf.maximum(length - 1, 1)], seed))
        drawn = tf.sort(order[:count]) + 1
        few = tf.minimum(tf.range(count), length - 1)
        enough = length - 1 >= count
        return tf.ensure_shape(tf.cond(enough, lambda: drawn, lambda: few), [count])

    def examples_per_epoch(self, size):
        return size // self.videos_per_set

    def pretext(self, batch, seed):
        """Changes the frames of each video alike, and tells when they were seen.

        Returns:
            float32 `(batch, N, T, k, height, width, channels)` of `image_size`, in [0, 1]; then
            "time", float32 `(batch, N, T)`, and with stochastic matching "cycles", int32
            `(batch, cycles, length)`, and "starts", int32 `(batch, cycles)`.
        """
        for_frames, for_cycles = tf.unstack(tf.random.split(seed))
        frames = self._changed(batch["frames"], for_frames)
        time = tf.cast(batch["steps"], tf.float32)
        if self.normalize_indices:
            time /= tf.cast(batch["length"], tf.float32)[..., tf.newaxis]
        targets = {"time": time}
        if self.stochastic_matching:
            for_order, for_start = tf.unstack(tf.random.split(for_cycles))
            shape = [tf.shape(time)[0], self.num_cycles]
            draws = tf.random.stateless_uniform([*shape, self.videos_per_set], for_order)
            targets["cycles"] = tf.argsort(draws, axis=-1)[..., : self.cycle_length]
            targets["starts"] = tf.random.stateless_uniform(
                shape, for_start, 0, self.num_frames, tf.int32
            )
        return frames, targets

    def _changed(self, frames, seed):
        inside, channels = frames.shape[1:4], frames.shape[-1]
        size = self.image_size
        size = (size, size) if isinstance(size, int) else tuple(size)
        images = tf.reshape(frames, [-1, *frames.shape[4:]])
        if tuple(images.shape[1:3]) != size:
            images = tf.image.resize(images, size, antialias=True)
        videos = tf.shape(frames)[0] * inside[0]
        if self.crop < 1.0:
            place, seed = tf.unstack(tf.random.split(seed))
            images = self._cropped(images, videos, place)
        # Axes: video, frame, row, column, channel.
        images = tf.reshape(images, [videos, inside[1] * inside[2], *size, channels])
        draws = tf.random.stateless_uniform([3, videos, 1, 1, 1, 1], seed)
        images = tf.where(draws[0] < self.flip, images[:, :, :, ::-1], images)
        images = images + self.brightness * (2 * draws[1] - 1)
        mean = tf.reduce_mean(images, axis=(2, 3), keepdims=True)
        images = (images - mean) * (1 + self.contrast * (2 * draws[2] - 1)) + mean
        images = tf.clip_by_value(images, 0.0, 1.0)
        return tf.reshape(images, [-1, *inside, *size, channels])

    def _cropped(self, images, videos, seed):
        """The same part of all frames of a video, at the size of a frame."""
        draws = tf.random.stateless_uniform([3, videos], seed)
        side = self.crop + (1.0 - self.crop) * draws[0]
        top, left = (1.0 - side) * draws[1], (1.0 - side) * draws[2]
        boxes = tf.stack([top, left, top + side, left + side], axis=1)
        count = tf.shape(images)[0]
        boxes = tf.repeat(boxes, count // videos, axis=0)
        return tf.image.crop_and_resize(images, boxes, tf.range(count), images.shape[1:3])

    def build_model(self, inputs, encoder, data):
        """Builds frames -> "base" each -> "embedder" with their context -> embeddings.

        The trunk is the layer "trunk" of "base".
        """
        shape = tuple(inputs.shape[1:])
        frames = keras.Input(shape, name="frames")
        image = keras.Input(shape[3:], name="image")
        trunk = encoder(shape[3:], name="trunk")
        scaled = keras.layers.Rescaling(2.0, -1.0)(image)
        # Frozen, it acts as in inference.
        frozen = {"training": False} if self.train_base == "none" else {}
        base = keras.Model(image, trunk(scaled, **frozen), name="base")
        embedder = self._embedder(base.output_shape[1:])
        num_videos, num_frames, context = shape[:3]
        folded = keras.layers.Reshape((num_videos * num_frames * context, *shape[3:]))(frames)
        maps = apply_to_views(base, folded)
        stacks = keras.layers.Reshape((num_videos * num_frames, context, *maps.shape[2:]))(maps)
        vectors = apply_to_views(embedder, stacks)
        shape = (num_videos, num_frames, self.embedding_size)
        embeddings = keras.layers.Reshape(shape, dtype="float32", name="embeddings")(vectors)
        model = CycleConsistency(frames, embeddings, name="temporal_cycle_consistency")
        model.set_step(
            similarity=self.similarity,
            temperature=self.temperature,
            train_base=self.train_base,
            kind=self.loss_type,
            label_smoothing=self.label_smoothing,
            variance_lambda=self.variance_lambda,
            huber_delta=self.huber_delta,
        )
        return model

    def _embedder(self, shape):
        """`(context, *shape)` of the base to an embedding, as one model."""
        stack = keras.Input((self.num_context, *shape), name="stack")
        penalty = keras.regularizers.L2(self.l2) if self.l2 else None
        x = stack
        if not self.conv_filters or (len(shape) == 1 and self.num_context == 1):
            x = keras.layers.Flatten()(x)
        else:
            if len(shape) == 1:
                x = keras.layers.Reshape((self.num_context, 1, 1, *shape))(x)
            for filters in self.conv_filters:
                x = convolution_3d(filters, 3, use_bias=False, kernel_regularizer=penalty)(x)
                x = keras.layers.BatchNormalization()(x)
                x = keras.layers.ReLU()(x)
            x = keras.layers.GlobalMaxPooling3D()(x)
        for units in self.dense_units:
            x = ReproducibleDropout(self.dropout)(x)
            x = keras.layers.Dense(units, activation="relu", kernel_regularizer=penalty)(x)
        # float32, whatever precision the trunk computes in.
        x = keras.layers.Dense(self.embedding_size, kernel_regularizer=penalty, dtype="float32")(x)
        if self.normalize_embeddings:
            x = keras.layers.UnitNormalization(dtype="float32")(x)
        return keras.Model(stack, x, name="embedder")

    def encoders(self, model):
        """ "encoder": of clips `(time, ...)` to `(time, D)`, or of frames without a context."""
        base, embedder = model.get_layer("base"), model.get_layer("embedder")
        shape = base.input_shape[1:]
        if self.num_context == 1:
            image = keras.Input(shape, name="image")
            maps = base(image)
            stack = keras.layers.Reshape((1, *maps.shape[1:]))(maps)
            return {"encoder": keras.Model(image, embedder(stack), name="encoder")}
        clip = keras.Input((None, *shape), name="clip")
        context = PastContext(self.num_context, self.context_stride)
        stacks = context(apply_to_frames(base, clip))
        return {"encoder": keras.Model(clip, apply_to_frames(embedder, stacks), name="encoder")}

    def loss(self):
        """None: the model compares videos in its step."""
        return None

    def metrics(self):
        return [CycleAccuracy(self.similarity, self.temperature)]

    def draw(self, inputs, targets, predictions):
        """A frame, its nearest in another video, and where it comes back to."""
        embeddings = predictions[:, :2]
        logits = all_pairs(embeddings, self.similarity, self.temperature)
        middle = self.num_frames // 2
        back = tf.argmax(logits[:, 0, 0, middle], axis=-1, output_type=tf.int32)
        away = tf.norm(embeddings[:, 1] - embeddings[:, 0, middle, tf.newaxis], axis=-1)
        there = tf.argmin(away, axis=-1, output_type=tf.int32)
        shown = inputs[:, :, :, -1]
        return {
            "frame": shown[:, 0, middle],
            "nearest in another video": tf.gather(shown[:, 1], there, batch_dims=1),
            "comes back to": tf.gather(shown[:, 0], back, batch_dims=1),
            "answer": [f"{abs(int(one) - middle)} frames off" for one in back],
        }
