"""Localisation: does a map of the task's model point at the object?

R. Arandjelovic, A. Zisserman, "Objects that Sound", ECCV 2018,
https://arxiv.org/abs/1712.06651 (pointing). A. Senocak, T.-H. Oh, J. Kim, M.-H. Yang, I. S.
Kweon, "Learning to Localize Sound Source in Visual Scenes", CVPR 2018 (success and its area).
"""

import numpy as np
import tensorflow as tf

from sslkeras.errors import DataError
from sslkeras.evaluation.localization_scores import (
    area_under_success,
    box_masks,
    centre_map,
    hits_with_peak,
    overlaps,
    pixel_auc,
    stretched,
    success,
)
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.task_method import task_method, task_outputs
from sslkeras.hyperparameters import Boolean, Integer, Optional, Real, Text

SIGNATURE = "localize(model, batch) -> maps"
_DRAWN = 12  # Images in a picture.


class Localization(Probe):
    """Pointing accuracy, overlap and pixel ranking of the maps that the task's model draws.

    Maps are resized bilinearly to the image. Baseline: "centre", a map that falls from the
    centre of the image to its corners. Images without anything to find are left out and
    counted.

    The task offers `localize(model, batch)`, in TensorFlow ops, for a raw batch. It returns
    float32 maps `(batch, h, w)` in [0, 1].

    Args:
        target: Feature with the truth. bool or integer `(height, width)` or `(height, width,
            objects)`: masks. float or integer `(4,)`: a box, top, left, bottom, right in
            pixels.
        image: Feature with the images, whose size boxes refer to.
        threshold: Value from which a map says that the object is there.
        stretch: Whether each map is first scaled to [0, 1] by its smallest and largest value.
        max_examples: Test examples that are judged; None for all.
    """

    needs_encoder = True
    needs_features = False
    reads = ("masks",)
    hyperparameters = {
        "target": Text("the name of a feature"),
        "image": Text("the name of a feature"),
        "threshold": Real(0, 1, closed="right"),
        "stretch": Boolean(),
        "max_examples": Optional(Integer(1), "all"),
    }

    def __init__(
        self, *, target="masks", image="image", threshold=0.5, stretch=False, max_examples=1000
    ):
        super().__init__(
            target=target,
            image=image,
            threshold=threshold,
            stretch=stretch,
            max_examples=max_examples,
        )
        self.reads = (target,)

    def run(self, subject, seed):
        """Judges maps of the test split; nothing is random.

        Returns:
            "pointing", "IOU" (mean), "success@0.5", "success AUC", "pixel AUC" (mean over
            images), each for "centre" as well, and "images without object".
        """
        localize = task_method(subject, "localization", SIGNATURE)
        boxes_in = self._image_size(subject.split("test"))
        columns, empty, shown = {}, 0, []
        beside = self._image_beside(subject)
        outputs = task_outputs(
            subject,
            "test",
            lambda batch: (
                localize(subject.model, batch),
                batch[self.target],
                [batch[name] for name in beside],
            ),
            self.max_examples,
            (*self.reads, *beside),
        )
        for maps, truth, images in outputs:
            truth = _masks(truth, boxes_in)
            _check(maps, truth)
            there = truth.any(axis=(1, 2))
            empty += int((~there).sum())
            if not there.any():
                continue
            truth = truth[there]
            resized = tf.image.resize(maps[there][..., np.newaxis], truth.shape[1:])
            resized = resized.numpy()[..., 0]
            centre = np.broadcast_to(centre_map(truth.shape[1:]), truth.shape)
            if len(shown) < _DRAWN:
                images = images[0][there] if images else np.zeros((*truth.shape, 1))
                judged = stretched(resized) if self.stretch else resized
                shown += zip(images, judged, truth)
            for prefix, values in (("", resized), ("centre ", centre)):
                for name, scores in self._scores(values, truth).items():
                    columns.setdefault(prefix + name, []).append(scores)
        if not columns:
            raise DataError(
                "Localisation needs test images with something to find. Received: none, "
                f"'{self.target}' is empty in {empty} images. Choose another dataset or `target`."
            )
        columns = {name: np.concatenate(parts) for name, parts in columns.items()}

        def draw():
            from sslkeras.pictures.localized import draw_maps

            images, maps, truth = (np.stack(part) for part in zip(*shown[:_DRAWN]))
            scores = [columns[name][: len(maps)] for name in ("pointing", "IOU")]
            return draw_maps(images, maps, truth, *scores, f"Where it is ({subject.name})")

        subject.picture(
            "maps",
            draw,
            "The map over the image (bright is high). The blue outline is the truth, "
            "the dot the largest value; ✓ where it lies inside.",
        )
        result = {}
        for prefix in ("", "centre "):
            iou, auc = columns[f"{prefix}IOU"], columns[f"{prefix}pixel AUC"]
            result |= {
                f"{prefix}pointing": float(columns[f"{prefix}pointing"].mean()),
                f"{prefix}IOU": float(iou.mean()),
                f"{prefix}success@0.5": success(iou),
                f"{prefix}success AUC": area_under_success(iou),
            }
            if not np.isnan(auc).all():  # Images that are all object have none.
                result[f"{prefix}pixel AUC"] = float(np.nanmean(auc))
        return {**result, "images without object": float(empty)}

    def _image_beside(self, subject):
        """Name of the images to draw the maps on, where the data has images of the truth's size."""
        features = subject.split("test").features
        image, truth = features.get(self.image), features[self.target]
        if not subject.draws or image is None or image.shape.rank != 3:
            return ()
        same = truth.shape == [4] or image.shape[:2] == truth.shape[:2]
        return (self.image,) if same and image.shape.is_fully_defined() else ()

    def _scores(self, maps, truth):
        if self.stretch:
            maps = stretched(maps)
        return {
            "pointing": hits_with_peak(maps, truth),
            "IOU": overlaps(maps, truth, self.threshold),
            "pixel AUC": np.array([pixel_auc(m, t) for m, t in zip(maps, truth)]),
        }

    def _image_size(self, split):
        """Height and width of images for boxes; None for masks."""
        shape = split.features[self.target].shape
        if shape.rank in (2, 3):
            return None
        image = split.features.get(self.image)
        if shape != [4] or image is None or image.shape.rank != 3:
            raise DataError(
                f"'{self.target}' must hold masks (height, width[, objects]), or boxes (4,) in "
                f"images of '{self.image}'. Received: {shape} and "
                f"{None if image is None else image.shape}. Name other features with `target` "
                "and `image`."
            )
        return image.shape[:2]


def _masks(truth, boxes_in):
    if boxes_in is not None:
        return box_masks(truth, boxes_in)
    return truth > 0 if truth.ndim == 3 else (truth > 0).any(axis=-1)


def _check(maps, truth):
    if maps.ndim != 3 or len(maps) != len(truth):
        raise DataError(
            f"`localize` must give maps (batch, h, w), one an image. Received: {maps.shape} for "
            f"{len(truth)} images. Correct the task's method."
        )
    if not np.isfinite(maps).all() or maps.min() < -1e-6 or maps.max() > 1 + 1e-6:
        finite = maps[np.isfinite(maps)]
        extent = f"{finite.min():g} to {finite.max():g}" if len(finite) else "no finite value"
        raise DataError(
            "Maps must be finite and lie in [0, 1]. Received: "
            f"{extent}, {maps.size - len(finite)} values NaN or infinite. Look for a diverged "
            "training, or apply a sigmoid in `localize`."
        )
