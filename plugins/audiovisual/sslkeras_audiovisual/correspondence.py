"""Audio-visual correspondence: L3-Net, AVE-Net and AVOL-Net.

R. Arandjelovic, A. Zisserman, "Look, Listen and Learn", ICCV 2017,
https://arxiv.org/abs/1705.08168 (L3-Net).
R. Arandjelovic, A. Zisserman, "Objects that Sound", ECCV 2018,
https://arxiv.org/abs/1712.06651 (AVE-Net, AVOL-Net, and the guard against shortcuts).
"""

import math

import keras
import tensorflow as tf
from absl import logging

from sslkeras import SurrogateModel, Task
from sslkeras.augmentation import colour_jitter, crop_and_resize, random_horizontal_flip
from sslkeras.datasets.dataset import WHOLE, Order
from sslkeras.encoders.encoder import as_encoder
from sslkeras.encoders.spectrogram import behind_spectrogram
from sslkeras.errors import ConfigurationError
from sslkeras.hyperparameters import Boolean, Choice, Integer, Optional, Real, Text
from sslkeras.layers import LogSpectrogram, as_map, as_vector
from sslkeras.layers.log_spectrogram import check_frames
from sslkeras_audiovisual.fusion import EuclideanDistance, LoudestPlace, SimilarityMap
from sslkeras_audiovisual.pairing import cut, partners

# Another order of the same data; far from the seeds of runs and of their stages.
_OTHER_ORDER = 0x50D
_RETRIEVAL = "cross_modal_retrieval(encoders=('image_embedding', 'audio_embedding'))"
_PROBES = {
    "l3": ("cross_modal_retrieval(encoders=('image_encoder', 'audio_encoder'), align='cca')",),
    "ave": (_RETRIEVAL,),
    "avol": (_RETRIEVAL, "localization(target='box')"),
}


class AudiovisualCorrespondence(Task):
    """Tells whether a picture and a second of sound belong together.

    Withheld is whether the sound comes from the moment of the picture (label 1) or from another
    video (label 0), half of them each. One picture shows no motion, so nothing can be matched in
    time: both must be recognised. With trunks for image and sound, an answer (no, yes) is

        l3:    Dense(ReLU(Dense([v, a])))           of pooled features v and a
        ave:   w d + b,  d = |v - a|                of embeddings of unit length
        avol:  (0, max over x, y of k v(x, y) a + c)   of an embedding v at each place

    and costs softmax cross-entropy. With `avol` the sigmoid of k v(x, y) a + c is a map of what
    sounds.

    The sound of another video is taken around one of its own frames, and both kinds of sounds are
    moved by whole frames and change their level by the same rule: neither cuts at odd instants nor
    loudness tell the label. An image or a sound alone tells nothing of it.

    Four encoders come out: "image_encoder" and "audio_encoder", the trunks; with `ave` and `avol`
    also "image_embedding" and "audio_embedding", trunks with their heads, which can be
    compared with each other. Those of sounds take waveforms.

    Args:
        variant: "l3", "ave" or "avol".
        embedding_dim: Width of the embeddings; of the hidden layer with "l3".
        audio_encoder: Trunk of spectrograms, an encoder of images in the `name(key=value)`
            notation; None for the same as of images.
        sample_rate: Of the dataset's sounds, in samples a second.
        audio_seconds: Length of the sound that is heard.
        frame_length, frame_step, fft_length: Of the spectrogram, in samples.
        pad_end: Whether a frame of the spectrogram begins at every `frame_step`-th sample, also
            near the end: 200 frames instead of 199.
        image_size: Side of the random crop in pixels, a multiple of 16.
        flip_probability: Of mirroring an image; 0 for what is not the same mirrored.
        brightness_jitter, saturation_jitter: Strengths, >= 0. The papers do not say which.
        max_misalignment: Greatest distance of the sound's middle from its frame, in seconds, for
            both labels. The dataset's waveforms must reach that much farther at both ends.
        frame_rate: Frames a second of the videos; sounds are moved by whole frames.
        align_negatives_to_frames: Whether the sounds of other videos are. False shows what it
            guards against: their middle then lies anywhere between two frames.
        volume_jitter: Greatest relative change of the level, in [0, 1).
        negatives: "other_video": a second order of the data gives the other sounds; "in_batch": the
            batch itself does, without reading more.
        distance_scale_init: First w of "yes" is minus this, of "no" plus this; must be > 0, as
            embeddings would part instead of meeting. With "avol" the first k times the root
            of `embedding_dim`.
        log_floor: Added to magnitudes before the logarithm, > 0.

    Raises:
        ConfigurationError: If an argument is out of range, frames do not fit into each other or
            into the sound; before the first step if the dataset has another sample rate.
    """

    hyperparameters = {
        "variant": Choice("l3", "ave", "avol"),
        "embedding_dim": Integer(1),
        "audio_encoder": Optional(Text("the name of an encoder"), "the same as of images"),
        "sample_rate": Integer(1, unit="samples a second"),
        "audio_seconds": Real(0, closed="neither", unit="seconds"),
        "frame_length": Integer(1, unit="samples"),
        "frame_step": Integer(1, unit="samples"),
        "fft_length": Integer(1, unit="samples"),
        "pad_end": Boolean(),
        "image_size": Integer(16, unit="pixels"),
        "flip_probability": Real(0, 1),
        "brightness_jitter": Real(0),
        "saturation_jitter": Real(0),
        "max_misalignment": Real(0, unit="seconds"),
        "frame_rate": Real(0, closed="neither", unit="frames a second"),
        "align_negatives_to_frames": Boolean(),
        "volume_jitter": Real(0, 1, closed="left"),
        "negatives": Choice("other_video", "in_batch"),
        "distance_scale_init": Real(0, closed="neither"),
        "log_floor": Real(0, closed="neither"),
    }
    targets_in_inputs = "none"

    def __init__(
        self,
        *,
        variant="ave",
        embedding_dim=128,
        audio_encoder=None,
        sample_rate=48000,
        audio_seconds=1.0,
        frame_length=480,
        frame_step=240,
        fft_length=512,
        pad_end=True,
        image_size=224,
        flip_probability=0.5,
        brightness_jitter=0.2,
        saturation_jitter=0.2,
        max_misalignment=1.0,
        frame_rate=25.0,
        align_negatives_to_frames=True,
        volume_jitter=0.1,
        negatives="other_video",
        distance_scale_init=1.0,
        log_floor=1e-6,
    ):
        super().__init__(
            variant=variant,
            embedding_dim=embedding_dim,
            audio_encoder=audio_encoder,
            sample_rate=sample_rate,
            audio_seconds=audio_seconds,
            frame_length=frame_length,
            frame_step=frame_step,
            fft_length=fft_length,
            pad_end=pad_end,
            image_size=image_size,
            flip_probability=flip_probability,
            brightness_jitter=brightness_jitter,
            saturation_jitter=saturation_jitter,
            max_misalignment=max_misalignment,
            frame_rate=frame_rate,
            align_negatives_to_frames=align_negatives_to_frames,
            volume_jitter=volume_jitter,
            negatives=negatives,
            distance_scale_init=distance_scale_init,
            log_floor=log_floor,
        )
        owner = "AudiovisualCorrespondence"
        check_frames(owner, self.frame_length, self.frame_step, self.fft_length)
        if self.image_size % 16:
            raise ConfigurationError(
                f"`image_size` of {owner} must be a multiple of 16, as the trunk of the papers "
                f"makes images 16 times smaller. Received: image_size={image_size}."
            )
        if self._num_samples < self.frame_length:
            raise ConfigurationError(
                f"`audio_seconds` of {owner} must hold at least one frame of the spectrogram. "
                f"Received: {self._num_samples} samples for frame_length={frame_length}. Choose "
                "longer sounds or shorter frames."
            )
        if not self.align_negatives_to_frames:
            logging.warning(
                "With align_negatives_to_frames=False the instants at which sounds are cut tell "
                "the label."
            )
        self.reads = {
            "image": (self.image_size, self.image_size, 1),
            "waveform": (self._num_samples + 2 * self._margin,),
            "clip": (),
        }
        self.probes = ("linear", "knn", *_PROBES[self.variant])

    # The pretext.

    def raw_batches(self, split, batch_size, *, order=None, start=0, share=WHOLE):
        """The batches, and unless negatives are "in_batch" other sounds beside them.

        These are "other_waveform" and "other_clip", of a second order of the same split.
        """
        batches = super().raw_batches(split, batch_size, order=order, start=start, share=share)
        if self.negatives == "in_batch":
            return batches
        if order is None:
            other = Order(_OTHER_ORDER)
        else:
            other = Order(order.seed + _OTHER_ORDER, order.epoch, order.steps)
        sounds = split.batches(
            batch_size, order=other, start=start, share=share, only=("waveform", "clip")
        )
        return tf.data.Dataset.zip((batches, sounds)).map(
            lambda batch, sound: batch | {f"other_{name}": sound[name] for name in sound}
        )

    def pretext(self, batch, seed):
        """Puts its own sound to half of the images, that of another video to the others.

        An image for which the batch holds no sound of another video gets its own.

        Returns:
            "image", float32 `(batch, image_size, image_size, channels)` in [0, 1], and
            "waveform", float32 `(batch, audio_seconds * sample_rate)`; then int32 `(batch,)`: 1
            where they belong together.
        """
        for_image, for_label, for_partner, for_shift, for_phase, for_level = tf.unstack(
            tf.random.split(seed, 6)
        )
        image, own, clip = batch["image"], batch["waveform"], batch["clip"]
        count = tf.shape(image)[0]
        in_batch = self.negatives == "in_batch"
        others = own if in_batch else batch["other_waveform"]
        partner, possible = partners(
            clip, clip if in_batch else batch["other_clip"], for_partner, keep_rows=not in_batch
        )
        belongs = tf.random.stateless_uniform([count], for_label) < 0.5
        belongs |= ~possible
        # Whole frames, by the same rule for both labels.
        most = math.floor(self.max_misalignment * self.frame_rate + 1e-6)
        shift = tf.cast(
            tf.random.stateless_uniform([count], for_shift, -most, most + 1, tf.int32), tf.float32
        )
        other_shift = shift
        if not self.align_negatives_to_frames:
            other_shift += tf.random.stateless_uniform([count], for_phase, -0.5, 0.5)
        waveform = tf.where(
            belongs[:, tf.newaxis],
            self._moment(own, shift),
            self._moment(tf.gather(others, partner), other_shift),
        )
        level = tf.random.stateless_uniform(
            [count, 1], for_level, 1.0 - self.volume_jitter, 1.0 + self.volume_jitter
        )
        inputs = {"image": self._view(image, for_image), "waveform": level * waveform}
        return inputs, tf.cast(belongs, tf.int32)

    def _moment(self, waveforms, shift):
        """The sound around the middle of each waveform, `shift` frames later."""
        middle = (waveforms.shape[1] - self._num_samples) // 2
        moved = tf.round(shift * (self.sample_rate / self.frame_rate))
        start = tf.clip_by_value(
            middle + tf.cast(moved, tf.int32), 0, waveforms.shape[1] - self._num_samples
        )
        return cut(waveforms, start, self._num_samples)

    def _view(self, images, seed):
        for_place, for_flip, for_colour = tf.unstack(tf.random.split(seed, 3))
        size, count = self.image_size, tf.shape(images)[0]
        place = tf.random.stateless_uniform([count, 2], for_place)
        free = tf.constant([images.shape[1] - size, images.shape[2] - size], tf.float32)
        corner = tf.minimum(tf.floor(place * (free + 1.0)), free)
        boxes = tf.concat([corner, tf.fill([count, 2], float(size))], axis=1)
        views = crop_and_resize(images, boxes, size)
        views = random_horizontal_flip(views, for_flip, probability=self.flip_probability)
        views = colour_jitter(
            views,
            for_colour,
            brightness=self.brightness_jitter,
            contrast=0.0,
            saturation=self.saturation_jitter,
            hue=0.0,
        )
        return tf.clip_by_value(views, 0.0, 1.0)

    # The model.

    def build_model(self, inputs, encoder, data):
        """Builds image and waveform -> "logits" `(batch, 2)` of no and yes, and "map" with avol.

        "map" is float32 `(batch, rows, columns)` in [0, 1].
        """
        rate = getattr(data, "sample_rate", None)
        if rate is not None and rate != self.sample_rate:
            raise ConfigurationError(
                "`sample_rate` of AudiovisualCorrespondence must be that of the dataset. Received: "
                f"{self.sample_rate} for a dataset with {rate}. Give both the same."
            )
        shape = tuple(inputs["image"].shape[1:])
        image = keras.Input(shape, name="image")
        waveform = keras.Input((self._num_samples,), name="waveform")
        eye = encoder(shape, name="image_encoder")
        ear = behind_spectrogram(
            encoder if self.audio_encoder is None else as_encoder(self.audio_encoder),
            (self._num_samples,),
            name="audio_encoder",
            **self._spectrogram,
        )
        if self.variant == "l3":
            features = [as_vector(eye(image), "max"), as_vector(ear(waveform), "max")]
            both = keras.layers.Concatenate(name="both")(features)
            hidden = keras.layers.Dense(self.embedding_dim, activation="relu", name="fc1")(both)
            outputs = {"logits": keras.layers.Dense(2, dtype="float32", name="logits")(hidden)}
        else:
            seen = self._embedding(eye, "image_embedding", places=self.variant == "avol")(image)
            heard = self._embedding(ear, "audio_embedding")(waveform)
            outputs = self._compared(seen, heard)
        inputs = {"image": image, "waveform": waveform}
        return SurrogateModel(inputs, outputs, name="audiovisual_correspondence")

    def _embedding(self, trunk, name, places=False):
        """A trunk with its head, as one model: a unit vector, or with "avol" a plain one."""
        given = keras.Input(trunk.input_shape[1:])
        features = trunk(given)
        features = as_map(features) if places else as_vector(features, "max")
        width = self.embedding_dim
        x = keras.layers.Dense(width, activation="relu", name=f"{name}_fc1")(features)
        # float32, whatever precision the trunk computes in.
        x = keras.layers.Dense(width, dtype="float32", name=f"{name}_fc2")(x)
        if self.variant == "ave":
            x = keras.layers.UnitNormalization(dtype="float32", name=f"{name}_unit")(x)
        return keras.Model(given, x, name=name)

    def _compared(self, seen, heard):
        scale = self.distance_scale_init
        if self.variant == "ave":
            distance = EuclideanDistance(name="distance")([seen, heard])
            # No, yes: the farther, the less likely.
            answer = keras.layers.Dense(
                2,
                kernel_initializer=_Given([[scale, -scale]]),
                bias_initializer=_Given([-scale, scale]),
                dtype="float32",
                name="logits",
            )
            return {"logits": answer(distance)}
        similarity = SimilarityMap(name="similarity")([seen, heard])
        scaled = keras.layers.Dense(
            1,
            kernel_initializer=_Given([[scale / math.sqrt(self.embedding_dim)]]),
            dtype="float32",
            name="scale",
        )(similarity)
        places = keras.layers.Activation("sigmoid", dtype="float32", name="sigmoid")(scaled)
        flat = keras.layers.Reshape(places.shape[1:3], dtype="float32", name="map")(places)
        return {"logits": LoudestPlace(name="logits")(scaled), "map": flat}

    def loss(self):
        return {"logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}

    def metrics(self):
        return {"logits": [keras.metrics.SparseCategoricalAccuracy("accuracy")]}

    def encoders(self, model):
        """Both trunks, and with "ave" and "avol" both embeddings."""
        if self.variant == "l3":
            return {name: model.get_layer(name) for name in ("image_encoder", "audio_encoder")}
        embeddings = {n: model.get_layer(n) for n in ("image_embedding", "audio_embedding")}
        trunks = {
            name.replace("embedding", "encoder"): embedding.get_layer(
                name.replace("embedding", "encoder")
            )
            for name, embedding in embeddings.items()
        }
        return trunks | embeddings

    def encoder_reads(self):
        """Images by those called image_..., waveforms by the others."""
        kinds = ("encoder",) if self.variant == "l3" else ("encoder", "embedding")
        reads = {"image": "image", "audio": "waveform"}
        return {f"{sense}_{kind}": reads[sense] for kind in kinds for sense in reads}

    # What it sees and hears.

    def localize(self, model, batch):
        """Where the image shows what sounds: float32 maps `(batch, rows, columns)` in [0, 1].

        The whole image is looked at, and the middle of the sound is heard.

        Raises:
            ConfigurationError: Unless `variant` is "avol".
        """
        if self.variant != "avol":
            raise ConfigurationError(
                "Localisation needs a map of the image. Received: variant="
                f"{self.variant!r}, which has none. Use variant='avol'."
            )
        size = (self.image_size, self.image_size)
        image = batch["image"]
        if image.shape[1:3] != size:
            image = tf.image.resize(image, size, antialias=True)
        no_shift = tf.zeros([tf.shape(image)[0]])
        inputs = {"image": image, "waveform": self._moment(batch["waveform"], no_shift)}
        return model(inputs, training=False)["map"]

    def draw(self, inputs, targets, predictions):
        """Image, spectrogram (high tones on top), map with avol, truth and answer."""
        spectrogram = LogSpectrogram(**self._spectrogram)(inputs["waveform"])[:, ::-1]
        least = tf.reduce_min(spectrogram, axis=(1, 2, 3), keepdims=True)
        greatest = tf.reduce_max(spectrogram, axis=(1, 2, 3), keepdims=True)
        columns = {
            "seen": inputs["image"],
            "heard": tf.math.divide_no_nan(spectrogram - least, greatest - least),
        }
        if "map" in predictions:
            columns["what sounds"] = _overlay(inputs["image"], predictions["map"])
        probability = tf.nn.softmax(predictions["logits"])[:, 1]
        columns["truth"] = ["together" if one else "apart" for one in targets]
        columns["together?"] = [f"{float(one):.2f}" for one in probability]
        return columns

    @property
    def _num_samples(self):
        return round(self.audio_seconds * self.sample_rate)

    @property
    def _margin(self):
        """Samples that a waveform must have beyond what is heard, at each end."""
        frames = math.floor(self.max_misalignment * self.frame_rate + 1e-6)
        if not self.align_negatives_to_frames:
            frames += 0.5
        return math.ceil(frames * self.sample_rate / self.frame_rate)

    @property
    def _spectrogram(self):
        return {
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "fft_length": self.fft_length,
            "pad_end": self.pad_end,
            "floor": self.log_floor,
        }


@keras.saving.register_keras_serializable(package="sslkeras_audiovisual")
class _Given(keras.initializers.Initializer):
    """Starts a weight at given values."""

    def __init__(self, values):
        self.values = values

    def __call__(self, shape, dtype=None, **kwargs):
        return tf.reshape(tf.constant(self.values, dtype or tf.float32), shape)

    def get_config(self):
        return {"values": self.values}


def _overlay(images, maps):
    """Images in gray, red where the map is high."""
    gray = tf.reduce_mean(images, axis=-1, keepdims=True)
    heat = tf.image.resize(maps[..., tf.newaxis], images.shape[1:3])
    red = 0.5 * gray + 0.5 * heat
    return tf.concat([red, 0.5 * gray, 0.5 * gray], axis=-1)
