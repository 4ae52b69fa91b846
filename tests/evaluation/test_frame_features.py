"""Tests of sslkeras.evaluation.frame_features and of the frames of a `Subject`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.errors import DataError
from sslkeras.evaluation.frame_features import gives_frames, read_videos
from sslkeras.evaluation.probe import Subject
from tests.evaluation.videos import split_of, subject_of_videos

VIDEOS = [[[0, 1], [2, 3], [4, 5]], [[6, 7]]]


def doubling(shape):
    inputs = keras.Input(shape)
    outputs = keras.layers.Rescaling(2.0)(inputs)
    if len(shape) == 4:  # A clip: each frame's mean, with the time axis.
        outputs = keras.layers.TimeDistributed(keras.layers.GlobalAveragePooling2D())(outputs)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize("shape", [(1, 2, 1), (None, 1, 2, 1), (3, 1, 2, 1)])
def test_frames_of_videos_of_different_length(shape):
    split = split_of(VIDEOS, phases=[[0, 0, 1], [4]], label=[7, 8])

    found = read_videos(split, "video", doubling(shape), "mean", 2)

    # Twice the mean of a frame's two pixels; the second video is one frame and padding.
    np.testing.assert_allclose(found.features[0], [[1.0], [5.0], [9.0]])
    np.testing.assert_allclose(found.features[1], [[13.0]])
    assert [phase.tolist() for phase in found.targets["phase"]] == [[0, 0, 1], [4]]
    assert [int(label) for label in found.targets["label"]] == [7, 8]


def test_videos_whose_length_is_unknown_are_read_one_by_one():
    def make():
        for number, frames in enumerate(([1.0, 2.0], [3.0, 4.0, 5.0])):
            video = np.reshape(frames, (-1, 1, 1, 1)).astype(np.float32)
            yield {"video": video, "phase": np.full(len(frames), number, np.int32)}

    examples = tf.data.Dataset.from_generator(
        make,
        output_signature={
            "video": tf.TensorSpec([None, 1, 1, 1]),
            "phase": tf.TensorSpec([None], tf.int32),
        },
    )

    found = read_videos(Given(examples).train, "video", doubling((1, 1, 1)), "mean", 32)

    assert [video[:, 0].tolist() for video in found.features] == [[2.0, 4.0], [6.0, 8.0, 10.0]]
    assert [phase.tolist() for phase in found.targets["phase"]] == [[0, 0], [1, 1, 1]]


def test_a_clip_encoder_is_traced_once_for_videos_of_all_lengths():
    traced = []

    def per_frame(clip):
        traced.append(clip.shape)
        return tf.reduce_mean(clip, axis=(2, 3))

    clip = keras.Input((None, 1, 2, 1))
    encoder = keras.Model(clip, keras.layers.Lambda(per_frame)(clip))
    traced.clear()

    found = read_videos(
        split_of([[[0, 1]] * frames for frames in (1, 2, 3, 4)]), "video", encoder, "mean", 2
    )

    assert [len(video) for video in found.features] == [1, 2, 3, 4]
    assert len(traced) == 1


def test_views_keep_their_axis():
    views = np.arange(12, dtype=np.float32).reshape(1, 2, 3, 1, 2, 1)

    (found,) = read_videos(ArraySplit({"views": views}), "views", None, "mean", 4).features

    np.testing.assert_allclose(found, views[0].reshape(2, 3, 2))


def test_pixels_reach_the_encoder_in_the_unit_interval():
    split = ArraySplit({"video": np.full((1, 2, 1, 1, 1), 255, np.uint8)})

    (found,) = read_videos(split, "video", doubling((1, 1, 1)), "mean", 4).features

    np.testing.assert_allclose(found, 2.0)


def test_batch_normalisation_is_in_inference_mode():
    encoder = keras.Sequential([keras.Input((1, 2, 1)), keras.layers.BatchNormalization(epsilon=0)])

    (found,) = read_videos(split_of(VIDEOS[:1]), "video", encoder, "flatten", 4).features

    np.testing.assert_allclose(found, VIDEOS[0], rtol=1e-6)  # Moving mean 0, variance 1.


def test_a_subject_extracts_frames_once():
    subject = subject_of_videos(split_of(VIDEOS), split_of(VIDEOS))

    assert subject.frame_features("test") is subject.frame_features("test")


def test_a_dataset_without_videos_is_refused_with_what_it_should_offer():
    split = ArraySplit({"image": np.zeros((2, 4, 4, 1))})
    subject = subject_of_videos(split, split)

    with pytest.raises(DataError, match="must offer 'video'. Received: .*image.*'num_frames'"):
        subject.frame_features("test")


def test_images_are_no_videos():
    split = ArraySplit({"video": np.zeros((2, 4, 4))})

    with pytest.raises(DataError, match=r"must be a video \(time, .*Received: \(4, 4\)"):
        read_videos(split, "video", None, "mean", 4)


def test_frames_of_another_size_are_taken_where_the_weights_allow_it():
    fitting = read_videos(split_of(VIDEOS), "video", doubling((1, 2, 1)), "mean", 4)
    resized = read_videos(split_of(VIDEOS), "video", doubling((3, 3, 1)), "mean", 4)

    for one, other in zip(fitting.features, resized.features, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frames_with_other_channels_are_refused():
    with pytest.raises(
        DataError, match=r"that the encoder takes, \(3, 3, 2\). Received: \(3, 1, 2"
    ):
        read_videos(split_of(VIDEOS), "video", doubling((3, 3, 2)), "mean", 4)


def test_a_clip_encoder_that_drops_the_time_is_refused():
    inputs = keras.Input((3, 1, 2, 1))
    whole = keras.Model(inputs, keras.layers.Flatten()(inputs))

    assert not gives_frames(whole)
    with pytest.raises(DataError, match=r"must keep the time axis.*Received: \(None, 6\)"):
        read_videos(split_of(VIDEOS), "video", whole, "mean", 4)


def test_a_clip_encoder_with_fewer_steps_is_refused():
    inputs = keras.Input((3, 1, 2, 1))
    steps = keras.layers.Reshape((3, 2))(inputs)
    shorter = keras.Model(inputs, keras.layers.Cropping1D((1, 0))(steps))

    with pytest.raises(DataError, match="features for each frame. Received: 2 for 3 frames"):
        read_videos(split_of(VIDEOS), "video", shorter, "mean", 4)


def test_a_video_longer_than_a_clip_encoder_takes_is_refused():
    examples = tf.data.Dataset.from_generator(
        lambda: [{"video": np.zeros((5, 1, 2, 1), np.float32)}],
        output_signature={"video": tf.TensorSpec([None, 1, 2, 1])},
    )

    with pytest.raises(DataError, match="no longer than the encoder takes, 3 frames. Received: 5"):
        read_videos(Given(examples).train, "video", doubling((3, 1, 2, 1)), "mean", 4)


def test_frames_with_nan_are_refused():
    split = split_of([[[0.0, np.nan], [1.0, 2.0]]])

    with pytest.raises(DataError, match=r"NaN or infinity in 1 of 2 rows \(raw input, test"):
        subject_of_videos(split, split).frame_features("test")


@pytest.mark.parametrize("count", [0, 4])
def test_an_impossible_number_of_frames_is_refused(count):
    video = np.zeros((1, 3, 1, 1, 1), np.float32)
    split = ArraySplit({"video": video, "num_frames": np.array([count])})

    with pytest.raises(DataError, match=f"'num_frames' must be .* 1 to 3. Received: {count}"):
        read_videos(split, "video", None, "mean", 4)


def test_a_target_that_is_not_there_is_refused():
    split = split_of(VIDEOS)

    with pytest.raises(DataError, match="must offer 'phase'.*Received: num_frames"):
        Subject("raw input", Given(split, split), "video", None).frame_targets("test", "phase")
