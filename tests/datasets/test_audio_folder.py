"""Tests of sslkeras.datasets.audio_folder."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from sslkeras.datasets import media
from sslkeras.datasets.audio_folder import AudioFolder
from sslkeras.datasets.dataset import Order
from sslkeras.errors import ConfigurationError, DataError
from tests.datasets.sounds import ramp, write_wav


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def begins(batches):
    """When each example begins: its first value times 10, in seconds."""
    waves = np.concatenate([batch["waveform"].numpy() for batch in batches])
    return np.round(waves[:, 0] * 10, 2).tolist()


def test_stretches_begin_every_hop_seconds_and_end_within_the_sound(tmp_path):
    write_wav(tmp_path / "s" / "a.wav", ramp(2.5, 8000))
    arguments = {"sample_rate": 8000, "seconds": 0.5, "test_fraction": 0.0}

    split = AudioFolder(tmp_path / "s", **arguments).train

    assert split.features["waveform"] == tf.TensorSpec((4000,), tf.float32, "waveform")
    assert set(split.features) == {"waveform", "clip"}
    assert begins(split.batches(2)) == [0.0, 0.5, 1.0, 1.5, 2.0]
    overlapping = AudioFolder(tmp_path / "s", **arguments, hop=0.75).train
    assert begins(overlapping.batches(9)) == [0.0, 0.75, 1.5]


def test_a_short_sound_is_one_example_with_silence_at_both_ends(tmp_path):
    write_wav(tmp_path / "s" / "a.wav", np.full(4000, 0.5))

    (batch,) = AudioFolder(
        tmp_path / "s", sample_rate=8000, seconds=1.0, test_fraction=0.0
    ).train.batches(4)

    (wave,) = batch["waveform"].numpy()
    np.testing.assert_allclose(wave[2000:6000], 0.5, atol=1e-4)
    assert not wave[:2000].any() and not wave[6000:].any()


def test_sub_folders_are_splits_and_classes(tmp_path):
    for number, name in enumerate(("train/yes/a", "train/no/b", "test/yes/c", "other/no/d")):
        write_wav(tmp_path / "s" / f"{name}.wav", np.full(800, number / 10))

    data = AudioFolder(tmp_path / "s", sample_rate=8000, seconds=0.1)

    assert data.label_names == ("no", "yes")
    found = {}
    for name, split in (("train", data.train), ("test", data.test)):
        (batch,) = split.batches(9)
        values = [round(float(value), 1) for value in batch["waveform"].numpy()[:, 0]]
        found[name] = dict(zip(values, batch["label"].numpy().tolist()))
    # No file of "other" is in either.
    assert found == {"train": {0.0: 1, 0.1: 0}, "test": {0.2: 1}}
    only = AudioFolder(tmp_path / "s", sample_rate=8000, seconds=0.1, classes=("yes",))
    assert only.label_names == ("yes",) and only.train.size == only.test.size == 1
    with pytest.raises(DataError, match="`classes` must be among the labels, no, yes.*maybe"):
        AudioFolder(tmp_path / "s", classes=("maybe",))


def test_whole_files_are_held_out(tmp_path):
    for number in range(8):
        write_wav(tmp_path / "s" / f"{number}.wav", np.full(2400, number / 10))

    data = AudioFolder(tmp_path / "s", sample_rate=8000, seconds=0.1, test_fraction=0.25)

    clips = [
        [int(clip) for batch in split.batches(5) for clip in batch["clip"]]
        for split in (data.train, data.test)
    ]
    assert len(clips[0]) == 18 and len(clips[1]) == 6
    assert set(clips[0]) | set(clips[1]) == set(range(8)) and not set(clips[0]) & set(clips[1])
    again = AudioFolder(**data.get_config())
    assert [int(c) for b in again.test.batches(9) for c in b["clip"]] == clips[1]


def test_damaged_sounds_are_skipped_counted_and_named(tmp_path, caplog):
    for name in ("a", "b", "c"):
        write_wav(tmp_path / "s" / f"{name}.wav", ramp(0.5, 8000))
    (tmp_path / "s" / "bad.wav").write_bytes(b"RIFF and no more")
    logging.set_verbosity(logging.WARNING)

    split = AudioFolder(tmp_path / "s", sample_rate=8000, seconds=0.5, test_fraction=0.0).train

    assert split.size == 3 and split.skipped == ("bad.wav",)
    assert "Skipped 1 sounds" in caplog.text and "bad.wav" in caplog.text


def test_damage_found_when_decoding_is_replaced_in_shuffled_and_left_out_in_stored_order(tmp_path):
    for number in range(4):
        write_wav(tmp_path / "s" / f"{number}.wav", np.full(800, number / 10))
    split = AudioFolder(tmp_path / "s", sample_rate=8000, seconds=0.1, test_fraction=0.0).train
    (tmp_path / "s" / "1.wav").write_bytes(b"gone")

    in_order = [int(clip) for batch in split.batches(2) for clip in batch["clip"]]
    shuffled = [
        (int(clip), round(float(wave[0]), 1))
        for batch in split.batches(4, order=Order(0)).take(2)
        for clip, wave in zip(batch["clip"], batch["waveform"].numpy())
    ]

    assert in_order == [0, 2, 3]
    assert sorted(clip for clip, _ in shuffled) == [0, 0, 2, 2, 2, 2, 3, 3]
    assert all(value == clip / 10 for clip, value in shuffled)
    assert split.skipped == ("1.wav",)


def test_folders_without_a_readable_sound_are_refused(tmp_path):
    (tmp_path / "none").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.wav").write_bytes(b"nothing")

    with pytest.raises(DataError, match="must hold sounds"):
        AudioFolder(tmp_path / "none")
    with pytest.raises(DataError, match="must have a readable sound.* 1 files"):
        AudioFolder(tmp_path / "bad")
    with pytest.raises(DataError, match="`path` must be a folder"):
        AudioFolder(tmp_path / "nothing")


def test_arguments_are_checked(tmp_path):
    for argument in ({"sample_rate": 0}, {"seconds": 0.0}, {"hop": 0}, {"test_fraction": 1.0}):
        with pytest.raises(ConfigurationError, match=f"`{next(iter(argument))}` of AudioFolder"):
            AudioFolder(tmp_path, **argument)


def test_a_missing_decoder_is_named_with_the_way_to_install_it(tmp_path, monkeypatch):
    write_wav(tmp_path / "a.wav", ramp(0.5, 8000))
    monkeypatch.setitem(sys.modules, "av", None)
    media.pyav.cache_clear()

    with pytest.raises(DataError, match=r"PyAV.*'sslkeras\[audio\]'"):
        AudioFolder(tmp_path)
