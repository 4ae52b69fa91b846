"""Tests of sslkeras.evaluation.frame_quality."""

import keras
import numpy as np
import pytest

from sslkeras import registry
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.frame_quality import FrameQuality
from sslkeras.evaluation.frame_scores import psnr
from sslkeras.evaluation.probe import Subject
from sslkeras.task import Task


class Shift(Task):
    """Predicts frames that go on moving to the right by one pixel."""

    reads = {"video": (4, 1, 1, 1)}

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        return batch["video"][:, :2], batch["video"][:, 2:]

    def build_model(self, inputs, encoder, data):
        raise NotImplementedError

    def loss(self):
        return keras.losses.MeanSquaredError()

    def predict_frames(self, model, batch):
        seen, truth = self.pretext(batch, None)
        return model(seen), truth, seen[:, -1]


class Roll(keras.layers.Layer):
    def call(self, seen):
        import tensorflow as tf

        last = seen[:, -1]
        return tf.stack([tf.roll(last, 1, axis=2), tf.roll(last, 2, axis=2)], axis=1)


def model(layer):
    seen = keras.Input((2, 12, 12, 1))
    return keras.Model(seen, layer(seen))


def clips(moving=True):
    start = np.random.default_rng(0).random((5, 12, 12, 1)).astype(np.float32)
    steps = range(4) if moving else [0] * 4
    return np.stack([np.roll(start, step, axis=2) for step in steps], axis=1)


def subject_of(video, layer=None, task=None):
    data = Given(ArraySplit({"video": video}), ArraySplit({"video": video}))
    return Subject(
        "pretrained",
        data,
        "video",
        None,
        batch_size=2,
        task=task or Shift(),
        model=model(layer or Roll()),
    )


def test_right_predictions_are_perfect_and_the_last_frame_is_not():
    video = clips()

    result = FrameQuality().run(subject_of(video), 0)

    assert result["PSNR"] == 100
    assert result["SSIM"] == pytest.approx(1)
    assert result["sharpness"] == 100
    for step in (1, 2):
        expected = psnr(video[:, 1 + step], video[:, 1]).mean()
        assert result[f"copy-last PSNR, step {step}"] == pytest.approx(expected)
        assert result[f"PSNR, step {step}"] == 100
    steps = [result[f"copy-last SSIM, step {step}"] for step in (1, 2)]
    assert result["copy-last SSIM"] == pytest.approx(np.mean(steps))


def test_standing_clips_have_no_moving_pixels():
    video = clips()
    video[0] = clips(moving=False)[0]

    result = FrameQuality(moving_only=True, metrics=["PSNR"]).run(subject_of(video), 0)

    assert result["frames without motion"] == 2
    assert result["PSNR"] == result["PSNR, static painted"] == 100
    assert result["copy-last PSNR"] <= result["copy-last PSNR, static painted"]
    with pytest.raises(DataError, match="Moving pixels.*threshold=0.02.*smaller `threshold`"):
        FrameQuality(moving_only=True).run(subject_of(clips(moving=False)), 0)


def test_motion_is_from_the_frame_before_not_from_the_last_seen():
    video = clips()
    video[:, 3] = video[:, 2]

    result = FrameQuality(moving_only=True, metrics=["PSNR"]).run(subject_of(video), 0)

    assert result["frames without motion"] == 5
    assert "PSNR, step 1" in result and "PSNR, step 2" not in result


def test_fewer_examples_can_be_judged():
    video = clips()
    whole = FrameQuality(metrics=["PSNR"]).run(subject_of(video[:3]), 0)

    assert FrameQuality(metrics=["PSNR"], max_examples=3).run(subject_of(video), 0) == whole


def test_predictions_are_clipped_aloud():
    class Double(Roll):
        def call(self, seen):
            return 2 * super().call(seen)

    subject = subject_of(clips(), Double())

    result = FrameQuality(metrics=["PSNR"]).run(subject, 0)

    expected = psnr(
        clips()[:, 2:].reshape(10, 12, 12, 1),
        np.clip(2 * clips()[:, 2:], 0, 1).reshape(10, 12, 12, 1),
    )
    assert result["PSNR"] == pytest.approx(expected.mean())
    assert "clipped to [0, 1]" in subject.notes[0]


def test_a_task_without_predicted_frames_is_refused():
    class Other(Shift):
        predict_frames = None

    with pytest.raises(ConfigurationError, match="'frame_quality'.*`predict_frames.*'Other'"):
        FrameQuality().run(subject_of(clips(), task=Other()), 0)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda p, t, last: (p[:, :1], t, last), "(batch, steps, height, width"),
        (lambda p, t, last: (p * np.nan, t, last), "Predicted frames must be finite"),
        (lambda p, t, last: (p, 2 * t - 1, last), r"True frames must lie in [0, 1]"),
    ],
)
def test_frames_that_cannot_be_compared_are_refused(change, message):
    class Wrong(Shift):
        def predict_frames(self, model, batch):
            return change(*super().predict_frames(model, batch))

    with pytest.raises(DataError) as caught:
        FrameQuality().run(subject_of(clips(), task=Wrong()), 0)
    assert message in str(caught.value)


def test_impossible_arguments_are_refused():
    with pytest.raises(ConfigurationError, match="`metrics`"):
        registry.probes.create("frame_quality(metrics=['MSE'])")
