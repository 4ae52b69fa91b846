"""Tests of sslkeras.datasets.av_folder."""

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from sslkeras.datasets.av_folder import AVFolder
from sslkeras.datasets.dataset import Order
from sslkeras.errors import ConfigurationError, DataError
from tests.datasets.moving_pictures import number_in, write
from tests.datasets.sounds import ramp, write_video

SMALL = {"size": 32, "sample_rate": 8000, "seconds": 0.5, "hop": 0.5, "test_fraction": 0.0}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def shown_and_heard(batches):
    """(number of the frame, seconds at the middle of the sound) of each example."""
    pairs = []
    for batch in batches:
        numbers = number_in(batch["image"].numpy())[0]
        waves = batch["waveform"].numpy()
        middle = waves.shape[1] // 2
        pairs += list(zip(numbers.tolist(), (waves[:, middle] * 10).round(2).tolist()))
    return pairs


@pytest.mark.parametrize("container", ["a.mkv", "a.mp4"])
def test_the_middle_of_the_sound_is_the_moment_of_the_frame(tmp_path, container):
    write_video(tmp_path / "v" / container, 30, ramp(3.0, 8000), fps=10)

    split = AVFolder(tmp_path / "v", **SMALL).train

    assert split.features["image"] == tf.TensorSpec((32, 32, 3), tf.uint8, "image")
    assert split.features["waveform"] == tf.TensorSpec((4000,), tf.float32, "waveform")
    pairs = shown_and_heard(split.batches(3))
    # At 10 frames a second; nearer than 0.25 s to an end the sound would be cut off.
    assert [number for number, _ in pairs] == [3, 8, 13, 18, 23]
    np.testing.assert_allclose([s for _, s in pairs], [0.3, 0.8, 1.3, 1.8, 2.3], atol=0.011)


def test_a_frame_so_near_the_end_that_its_sound_just_fits_is_used(tmp_path):
    write_video(tmp_path / "v" / "a.mkv", 11, ramp(1.1, 8000), fps=10)

    dense = AVFolder(tmp_path / "v", **{**SMALL, "seconds": 0.4, "hop": 0.1}).train

    # Sound lasts 1.1 s: 0.2 s to the left of frame 2, 0.2 s to the right of frame 9.
    assert [number for number, _ in shown_and_heard(dense.batches(9))] == list(range(2, 10))


def test_only_what_is_wanted_is_decoded_in_a_shuffled_order(tmp_path, monkeypatch):
    write_video(tmp_path / "v" / "a.mkv", 30, ramp(3.0, 8000))
    split = AVFolder(tmp_path / "v", **SMALL).train

    whole = next(iter(split.batches(5, order=Order(1))))
    with monkeypatch.context() as patched:
        import sslkeras.datasets.av_folder as module

        calls = []
        read = module.read_frames
        patched.setattr(module, "read_frames", lambda *given: calls.append(1) or read(*given))
        batches = split.batches(5, order=Order(1), only=("waveform", "clip"))
        calls.clear()  # One example is read to see that there is one.
        sound = next(iter(batches))

    assert not calls and set(sound) == {"waveform", "clip"}
    np.testing.assert_array_equal(sound["waveform"], whole["waveform"])


def test_the_split_is_by_videos_and_folders_are_classes(tmp_path):
    for number in range(4):
        path = tmp_path / "v" / ("sing" if number % 2 else "drum") / f"{number}.mkv"
        write_video(path, 15, ramp(1.5, 8000), value=number)

    data = AVFolder(tmp_path / "v", **{**SMALL, "test_fraction": 0.5})

    assert data.label_names == ("drum", "sing")
    videos = []
    for split in (data.train, data.test):
        clips = set()
        for batch in split.batches(3):
            values = number_in(batch["image"].numpy())[1].tolist()
            assert [value % 2 for value in values] == batch["label"].numpy().tolist()
            clips |= set(batch["clip"].numpy().tolist())
        videos.append(clips)
    assert len(videos[0]) == len(videos[1]) == 2 and not videos[0] & videos[1]


def test_damaged_silent_and_short_videos_are_skipped_counted_and_named(tmp_path, caplog):
    write_video(tmp_path / "v" / "good.mkv", 20, ramp(2.0, 8000))
    write_video(tmp_path / "v" / "short.mkv", 4, ramp(0.4, 8000))
    write(tmp_path / "v" / "silent.mp4", 20)
    (tmp_path / "v" / "bad.mp4").write_bytes(b"no video")
    logging.set_verbosity(logging.WARNING)

    split = AVFolder(tmp_path / "v", **SMALL).train

    assert set(split.skipped) == {"short.mkv", "silent.mp4", "bad.mp4"}
    assert "Skipped 3 videos" in caplog.text and "silent.mp4" in caplog.text
    assert {int(clip) for batch in split.batches(2) for clip in batch["clip"]} == {1}


def test_folders_without_a_usable_video_are_refused(tmp_path):
    write(tmp_path / "v" / "silent.mp4", 20)
    (tmp_path / "none").mkdir()

    with pytest.raises(DataError, match="long enough for one example.* 1 videos.*silent.mp4"):
        AVFolder(tmp_path / "v", **SMALL)
    with pytest.raises(DataError, match="must hold videos with sound"):
        AVFolder(tmp_path / "none")
    for argument in ({"channels": 2}, {"hop": 0.0}, {"seconds": -1.0}, {"size": (8,)}):
        with pytest.raises(ConfigurationError, match=f"`{next(iter(argument))}` of AVFolder"):
            AVFolder(tmp_path / "v", **argument)
