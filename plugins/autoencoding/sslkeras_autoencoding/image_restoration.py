"""Image restoration.

D. Eigen, D. Krishnan, R. Fergus, "Restoring an Image Taken Through a Window Covered with
Dirt or Rain", ICCV 2013, pp. 633-640.

The paper measured its dirt and photographed its rain. Specks and drops here are synthetic
stand-ins for them; measured masks and photographed pairs can be given instead.
"""

import keras
import tensorflow as tf

from sslkeras import Task
from sslkeras.encoders.encoder import named_model
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.hyperparameters import Choice, Integer, ListOf, Optional, Real
from sslkeras.layers.features import as_map
from sslkeras_autoencoding import dirt, rain
from sslkeras_autoencoding.crops import crop, random_places
from sslkeras_autoencoding.mask_library import MaskLibrary, MaskSource
from sslkeras_autoencoding.overlapping_patches import OverlappingPatches, average_patches
from sslkeras_autoencoding.peak_signal_to_noise import PeakSignalToNoise
from sslkeras_autoencoding.restoration_loss import RestorationLoss

# Specks and drops are counted on this area, so that larger crops get more of them.
_COUNTED_AREA = 32 * 32


class ImageRestoration(Task):
    """Restores a photograph taken through a window with dirt or rain on it.

    Withheld is the part of the scene that dirt covers or drops distort. To restore it the
    network must tell artefact from scene and continue the scene across it.

        loss = 1/2 sum_j (F(x)_j - y_j)^2

    F is the paper's network: 16 x 16 valid convolution, tanh, 1 x 1 convolution, tanh,
    and 8 x 8 patches that overlap and are averaged inside the network, so that
    neighbouring predictions can co-operate. Where x is clean the identity is right, so
    the metrics report `input_psnr` beside `psnr`.

    Args:
        corruption: "dirt", "rain", or "pairs" for the dataset's own `corrupted_image`.
        patch_size: Side of the training crops in pixels, greater than `p1`.
        trunk: "paper": the two tanh layers, which take images of any size. "encoder": the
            trunk of the run, a map of stride s with s dividing `patch_size`; the head is
            then a 1 x 1 convolution and a transposed convolution of stride s, and the
            output has the size of the input.
        p1: Kernel size of the first layer. Only with trunk="paper", as the next three.
        p3: Size of the emitted patches, <= p1, with p1 - p3 even.
        maps: Hidden maps.
        averaging: "in_loss", or "patch" for the paper's baseline that compares each
            patch by itself and averages only its answers.
        reduction: "sum" over pixels and channels, halved, as in the paper, or "mean".
        n_specks: Specks on 32 x 32 pixels.
        n_drops: Drops on 32 x 32 pixels.
        speck_radius: Range in pixels.
        speck_opacity: Range within [0, 1].
        dirt_color: Colour D of the specks, in [0, 1].
        color_jitter: j; the light has channels from U(1 - j, 1 + j).
        brightness: Range of their common factor.
        dirt_masks: Measured masks instead of specks: the path of an npz file with the
            arrays `alpha` and `alpha_dirt`, or a dict of them; None for specks.
        drop_radius: Range in pixels.
        drop_aspect: Range of height over width.
        drop_gain: Range of the factor on what a drop shows.
        drop_zoom: How much smaller a drop shows the scene.
        softness: Width of a drop's edge in pixels.
        drop_blur: Standard deviation in pixels of the blur within a drop.
        highlight: Light added in the middle of a drop.

    Raises:
        ConfigurationError: If an argument is out of range.
        DataError: If `dirt_masks` cannot be read or do not fit.
    """

    hyperparameters = {
        "corruption": Choice("dirt", "rain", "pairs"),
        "patch_size": Integer(2, unit="pixels"),
        "trunk": Choice("paper", "encoder"),
        "p1": Integer(1, unit="pixels"),
        "p3": Integer(1, unit="pixels"),
        "maps": Integer(1),
        "averaging": Choice("in_loss", "patch"),
        "reduction": Choice("sum", "mean"),
        "n_specks": Integer(0),
        "n_drops": Integer(0),
        "speck_radius": ListOf(Real(0, closed="neither"), length=2, increasing=True),
        "speck_opacity": ListOf(Real(0, 1), length=2, increasing=True),
        "dirt_color": ListOf(Real(0, 1), length=3),
        "color_jitter": Real(0, 1, closed="left"),
        "brightness": ListOf(Real(0), length=2, increasing=True),
        "dirt_masks": Optional(MaskSource(), "synthetic specks"),
        "drop_radius": ListOf(Real(0, closed="neither"), length=2, increasing=True),
        "drop_aspect": ListOf(Real(0, closed="neither"), length=2, increasing=True),
        "drop_gain": ListOf(Real(0, closed="neither"), length=2, increasing=True),
        "drop_zoom": Real(0, closed="neither"),
        "softness": Real(0, closed="neither", unit="pixels"),
        "drop_blur": Real(0, unit="pixels"),
        "highlight": Real(0),
    }

    def __init__(
        self,
        *,
        corruption="dirt",
        patch_size=64,
        trunk="paper",
        p1=16,
        p3=8,
        maps=512,
        averaging="in_loss",
        reduction="sum",
        n_specks=12,
        n_drops=14,
        speck_radius=(1.0, 5.0),
        speck_opacity=(0.4, 0.9),
        dirt_color=(0.55, 0.45, 0.35),
        color_jitter=0.1,
        brightness=(0.0, 1.0),
        dirt_masks=None,
        drop_radius=(2.0, 6.0),
        drop_aspect=(0.8, 1.3),
        drop_gain=(0.8, 1.3),
        drop_zoom=2.0,
        softness=0.5,
        drop_blur=1.0,
        highlight=0.08,
    ):
        super().__init__(
            corruption=corruption,
            patch_size=patch_size,
            trunk=trunk,
            p1=p1,
            p3=p3,
            maps=maps,
            averaging=averaging,
            reduction=reduction,
            n_specks=n_specks,
            n_drops=n_drops,
            speck_radius=speck_radius,
            speck_opacity=speck_opacity,
            dirt_color=dirt_color,
            color_jitter=color_jitter,
            brightness=brightness,
            dirt_masks=dirt_masks,
            drop_radius=drop_radius,
            drop_aspect=drop_aspect,
            drop_gain=drop_gain,
            drop_zoom=drop_zoom,
            softness=softness,
            drop_blur=drop_blur,
            highlight=highlight,
        )
        if trunk == "paper" and not (patch_size > p1 >= p3 and (p1 - p3) % 2 == 0):
            raise ConfigurationError(
                "`patch_size`, `p1` and `p3` of ImageRestoration must be patch_size > p1 >= p3 "
                f"with p1 - p3 even. Received: patch_size={patch_size}, p1={p1}, p3={p3}."
            )
        if trunk == "encoder" and averaging == "patch":
            raise ConfigurationError(
                "`averaging='patch'` of ImageRestoration needs trunk='paper', which emits patches. "
                "Received: trunk='encoder'. Use averaging='in_loss'."
            )
        if dirt_masks is not None and corruption != "dirt":
            raise ConfigurationError(
                "`dirt_masks` of ImageRestoration must be left out unless corruption='dirt'. "
                f"Received: corruption={corruption!r}."
            )
        self._masks = None if dirt_masks is None else MaskLibrary(dirt_masks, patch_size)
        least = (patch_size, patch_size, 3)
        self.reads = {"image": least}
        if corruption == "pairs":
            self.reads["corrupted_image"] = least

    def check(self, split):
        """Refuses what any task refuses, other than three channels, and unlike pairs."""
        super().check(split)
        shapes = {name: split.features[name].shape for name in self.reads}
        for name, shape in shapes.items():
            if shape[-1] != 3:
                raise DataError(
                    f"Image restoration needs '{name}' with 3 channels. Received: {shape}. Choose "
                    "a dataset of colour images."
                )
        if self.corruption == "pairs":
            _require_one_geometry(*(shapes[name] for name in ("image", "corrupted_image")))

    def pretext(self, batch, seed):
        """Cuts a crop from each image and spoils it.

        Returns:
            The spoilt crops x, float32 `(batch, patch_size, patch_size, 3)`, and a dict of
            targets: "restored", the part of the clean crops y that the network predicts,
            and "input", the same again, which only the metric of the input reads.

        Raises:
            DataError: If the two images of a pair differ in shape.
        """
        places, spoiling = tf.unstack(tf.random.split(seed, 2))
        images = batch["image"]
        size, height, width = tf.unstack(tf.shape(images)[:3])
        rows, columns = random_places(places, size, height, width, self.patch_size)
        clean = self._shaped(crop(images, rows, columns))
        if self.corruption == "pairs":
            _require_one_geometry(images.shape[1:], batch["corrupted_image"].shape[1:])
            spoilt = self._shaped(crop(batch["corrupted_image"], rows, columns))
        elif self.corruption == "dirt":
            spoilt = self._with_dirt(clean, spoiling)
        else:
            spoilt = self._with_rain(clean, spoiling)
        target = self._predicted_part(clean)
        return spoilt, {"restored": target, "input": target}

    def build_model(self, inputs, encoder, data):
        """Builds spoilt image -> {"restored": F(x), "input": the part of x it predicts}.

        With averaging="patch", "restored" are the single patches.

        Raises:
            ConfigurationError: If the trunk gives no map or its stride does not divide
                `patch_size`.
        """
        if self.trunk == "paper":
            # Fully convolutional: larger images can be restored than were trained on.
            image = keras.Input((None, None, 3), name="image")
            restored = OverlappingPatches(
                3,
                self.p3,
                scale=self.p3,
                offset=0.5,
                averaged=self.averaging == "in_loss",
                dtype="float32",
                name="restored",
            )(self._paper_trunk()(image))
        else:
            shape = (self.patch_size, self.patch_size, 3)
            image = keras.Input(shape, name="image")
            trunk = named_model(encoder(shape), "encoder")
            restored = self._upsampled(as_map(trunk(image)))
        border = self._border
        part = keras.layers.Cropping2D(border, dtype="float32", name="input")(image)
        return keras.Model(image, {"restored": restored, "input": part}, name="image_restoration")

    def loss(self):
        return {"restored": RestorationLoss(self.reduction, self._patches)}

    def metrics(self):
        return {
            "restored": [PeakSignalToNoise(self._patches, name="psnr")],
            "input": [PeakSignalToNoise(name="input_psnr")],
        }

    def draw(self, inputs, targets, predictions):
        """The clean images, the spoilt ones and the restored ones."""
        restored = tf.cast(predictions["restored"], tf.float32)
        if self._patches is not None:
            restored = average_patches(restored, self._patches)
        pictures = {
            "clean": targets["restored"],
            "corrupted": self._predicted_part(inputs),
            "restored": restored,
        }
        return {
            title: tf.clip_by_value(tf.cast(image, tf.float32), 0.0, 1.0)
            for title, image in pictures.items()
        }

    @property
    def _border(self):
        """How many pixels of the input at each side are not predicted."""
        return (self.p1 - self.p3) // 2 if self.trunk == "paper" else 0

    @property
    def _patches(self):
        return self.p3 if self.averaging == "patch" else None

    def _predicted_part(self, images):
        border = self._border
        return images[:, border:-border, border:-border] if border else images

    def _shaped(self, crops):
        return tf.ensure_shape(crops, (None, self.patch_size, self.patch_size, 3))

    def _count(self, on_32_pixels):
        return round(on_32_pixels * self.patch_size**2 / _COUNTED_AREA)

    def _with_dirt(self, clean, seed):
        masks, light = tf.unstack(tf.random.split(seed, 2))
        size = tf.shape(clean)[0]
        light = dirt.draw_light(light, size, jitter=self.color_jitter, brightness=self.brightness)
        if self._masks is not None:
            opacity, dirt_image = self._masks.draw(masks, size)
        else:
            opacity = dirt.draw_specks(
                masks,
                size,
                self.patch_size,
                count=self._count(self.n_specks),
                radius=self.speck_radius,
                opacity=self.speck_opacity,
            )
            dirt_image = opacity * tf.constant(self.dirt_color)
        return self._shaped(dirt.add_dirt(clean, opacity, dirt_image, light))

    def _with_rain(self, clean, seed):
        count = self._count(self.n_drops)
        if count == 0:
            return clean
        drops = rain.draw_drops(
            seed,
            tf.shape(clean)[0],
            self.patch_size,
            count=count,
            radius=self.drop_radius,
            aspect=self.drop_aspect,
            gain=self.drop_gain,
        )
        spoilt = rain.add_drops(
            clean,
            drops,
            zoom=self.drop_zoom,
            softness=self.softness,
            blur=self.drop_blur,
            highlight=self.highlight,
        )
        return self._shaped(spoilt)

    def _paper_trunk(self):
        image = keras.Input((None, None, 3), name="image")
        maps = keras.layers.Rescaling(1.0, -0.5, name="centre")(image)
        maps = keras.layers.Conv2D(self.maps, self.p1, activation="tanh", name="layer1")(maps)
        maps = keras.layers.Conv2D(self.maps, 1, activation="tanh", name="layer2")(maps)
        return keras.Model(image, maps, name="encoder")

    def _upsampled(self, features):
        rows, columns = features.shape[1:3]
        if rows != columns or self.patch_size % rows:
            raise ConfigurationError(
                "The trunk of ImageRestoration must give a square map whose side divides "
                f"`patch_size`. Received: a map of {rows} x {columns} for patch_size="
                f"{self.patch_size}. Choose another patch_size, or trunk='paper'."
            )
        stride = self.patch_size // rows
        maps = keras.layers.Conv2D(self.maps, 1, activation="relu", name="mix")(features)
        maps = keras.layers.Conv2DTranspose(
            3, max(3, 2 * stride), strides=stride, padding="same", dtype="float32", name="upsample"
        )(maps)
        return keras.layers.Rescaling(1.0, 0.5, dtype="float32", name="restored")(maps)


def _require_one_geometry(clean, corrupted):
    if not clean.is_compatible_with(corrupted):
        raise DataError(
            "The two images of a pair must have one shape. Received: 'image' "
            f"{clean} and 'corrupted_image' {corrupted}. Crop or resize them alike."
        )
