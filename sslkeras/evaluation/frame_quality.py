"""Frame-prediction quality: predicted frames against the true ones, and against standing still."""

import numpy as np

from sslkeras.errors import DataError
from sslkeras.evaluation.frame_scores import SCORES, moving_pixels, painted_psnr
from sslkeras.evaluation.probe import Probe
from sslkeras.evaluation.task_method import task_method, task_outputs
from sslkeras.hyperparameters import Boolean, Choice, Integer, ListOf, Optional, Real

SIGNATURE = "predict_frames(model, batch) -> (predicted, truth, last)"
_DRAWN = 4  # Examples in a picture.


class FrameQuality(Probe):
    """PSNR, SSIM and sharpness difference of the frames that the task's model predicts.

    Each score is taken frame by frame and averaged over test clips and steps; with several
    steps also for each step. Baseline: "copy-last", the last frame that the model has seen
    in place of all predictions.

    The task offers `predict_frames(model, batch)`, in TensorFlow ops, for a raw batch with
    pixels in [0, 1]. It returns three float32 tensors in [0, 1]: the predicted frames
    `(batch, steps, height, width, channels)`, the true ones, and the last frame that the
    model has seen, `(batch, height, width, channels)`. Predictions outside of [0, 1] are
    clipped, as when they are shown.

    Args:
        metrics: Which of "PSNR", "SSIM" (frames of 11 pixels or more a side) and
            "sharpness".
        moving_only: Only pixels whose true value changes from the frame before; frames
            without such pixels are left out and counted. Adds "PSNR, static painted": over
            whole frames in which all other pixels are right, as the paper reports it.
        threshold: Change of a pixel in [0, 1] above which it counts as moving.
        max_examples: Test examples that are judged; None for all.
    """

    needs_encoder = True
    needs_features = False
    reads = ()
    hyperparameters = {
        "metrics": ListOf(Choice(*SCORES), min_length=1),
        "moving_only": Boolean(),
        "threshold": Real(0, 1, closed="left"),
        "max_examples": Optional(Integer(1), "all"),
    }

    def __init__(
        self, *, metrics=tuple(SCORES), moving_only=False, threshold=0.02, max_examples=1000
    ):
        super().__init__(
            metrics=metrics,
            moving_only=moving_only,
            threshold=threshold,
            max_examples=max_examples,
        )

    def run(self, subject, seed):
        """Judges predictions of the test split; nothing is random.

        Returns:
            "PSNR", ..., "copy-last PSNR", ...; with several steps also "PSNR, step 1", ...;
            with `moving_only` also "frames without motion".
        """
        predict = task_method(subject, "frame_quality", SIGNATURE)
        columns, shown = {}, None
        still = 0
        outputs = task_outputs(
            subject, "test", lambda batch: predict(subject.model, batch), self.max_examples
        )
        for predicted, truth, last in outputs:
            check_frames(predicted, truth, last)
            if predicted.min() < 0 or predicted.max() > 1:
                subject.note(f"Predicted frames of '{subject.name}' are clipped to [0, 1].")
            scores, without = self._scores(np.clip(predicted, 0, 1), truth, last)
            still += without
            if shown is None:
                shown = [part[:_DRAWN] for part in (np.clip(predicted, 0, 1), truth, last)]
            for name, values in scores.items():
                columns.setdefault(name, []).append(values)
        columns = {name: np.concatenate(parts) for name, parts in columns.items()}
        self._keep_pictures(subject, shown, columns)
        steps = truth.shape[1]
        if all(np.isnan(values).all() for values in columns.values()):
            raise DataError(
                "Moving pixels must be found in the test clips. Received: none above "
                f"threshold={self.threshold}. Choose a smaller `threshold` or other clips."
            )
        result = {name: float(np.nanmean(values)) for name, values in columns.items()}
        if steps > 1:
            for name, values in columns.items():
                for step in range(steps):
                    if not np.isnan(values[:, step]).all():
                        result[f"{name}, step {step + 1}"] = float(np.nanmean(values[:, step]))
        if self.moving_only:
            result["frames without motion"] = float(still)
        return result

    def _keep_pictures(self, subject, shown, columns):
        name = self.metrics[0]
        means = [row[np.isfinite(row)] for row in columns[name][:_DRAWN]]
        texts = [f"{name} {row.mean():.2f}" if len(row) else "" for row in means]
        title = f"Predicted frames ({subject.name})"

        def draw(moving):
            from sslkeras.pictures.predicted_frames import draw_predictions

            return draw_predictions(*shown, title, moving, texts)

        subject.picture("frames", lambda: draw(False), "True frames, and predicted ones below.")
        if shown[1].shape[1] > 1:
            subject.picture(
                "clips",
                lambda: draw(True),
                "From the last frame seen on: the truth and the prediction.",
            )

    def _scores(self, predicted, truth, last):
        """Score to `(examples, steps)`, and how many frames have no moving pixel."""
        examples, steps, *frame = truth.shape

        def flat(frames):
            return np.reshape(frames, (examples * steps, *frame))

        copied = np.broadcast_to(last[:, np.newaxis], truth.shape)
        moving = None
        if self.moving_only:
            before = np.concatenate([last[:, np.newaxis], truth[:, :-1]], axis=1)
            moving = moving_pixels(flat(truth), flat(before), self.threshold)
        result = {}
        for prefix, frames in (("", predicted), ("copy-last ", copied)):
            for name in self.metrics:
                result[prefix + name] = SCORES[name](flat(truth), flat(frames), moving)
            if self.moving_only and "PSNR" in self.metrics:
                painted = painted_psnr(flat(truth), flat(frames), moving)
                result[f"{prefix}PSNR, static painted"] = painted
        result = {name: values.reshape(examples, steps) for name, values in result.items()}
        return result, 0 if moving is None else int((~moving.any(axis=(1, 2))).sum())


def check_frames(predicted, truth, last):
    """Refuses frames that do not fit together or cannot be compared.

    Raises:
        DataError: If shapes differ, a value is NaN or infinite, or a true value is outside
            of [0, 1].
    """
    if (
        truth.ndim != 5
        or predicted.shape != truth.shape
        or last.shape != (len(truth), *truth.shape[2:])
    ):
        raise DataError(
            "`predict_frames` must give predicted and true frames (batch, steps, height, width, "
            "channels) and last frames (batch, height, width, channels). Received: "
            f"{predicted.shape}, {truth.shape} and {last.shape}. Correct the task's method."
        )
    if not truth.size:
        raise DataError(
            "`predict_frames` must give a frame to predict, of a pixel or more. Received: frames "
            f"of shape {truth.shape}. Choose longer clips."
        )
    for name, frames in (("Predicted", predicted), ("True", truth), ("Last", last)):
        if not np.isfinite(frames).all():
            bad = int((~np.isfinite(frames).reshape(len(frames), -1).all(axis=-1)).sum())
            raise DataError(
                f"{name} frames must be finite. Received: NaN or infinity in {bad} of "
                f"{len(frames)} examples. Look for a diverged training or damaged clips."
            )
    for name, frames in (("True", truth), ("Last", last)):
        if frames.min() < -1e-3 or frames.max() > 1 + 1e-3:
            raise DataError(
                f"{name} frames must lie in [0, 1]. Received: values from {frames.min():g} to "
                f"{frames.max():g}. Undo the task's scaling in `predict_frames`."
            )
