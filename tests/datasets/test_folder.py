"""Tests of sslkeras.datasets.folder."""

import pytest

from sslkeras.datasets.audio_folder import AudioFolder
from sslkeras.datasets.folder import Folder
from sslkeras.datasets.image_folder import ImageFolder
from sslkeras.errors import DataError
from tests.datasets.sounds import write_wav


class _Letters(Folder):
    kind = "letters"
    path = "post"

    def __init__(self, train, test):
        self.hold(train, test)


def test_both_splits_are_handed_on():
    data = _Letters("learn", "judge")

    assert (data.train, data.test, data.has_test) == ("learn", "judge", True)


def test_a_folder_without_held_out_files_says_so():
    data = _Letters("learn", None)

    assert data.train == "learn" and not data.has_test
    with pytest.raises(DataError, match="Held-out letters .*'post'.*larger `test_fraction`"):
        _ = data.test


def test_a_folder_without_files_to_train_on_is_refused():
    with pytest.raises(DataError, match="letters to train on.*none in 'post'"):
        _Letters(None, "judge")


def test_sounds_and_images_name_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_wav(tmp_path / "sounds" / "test" / "yes" / "a.wav", [0.0] * 800)
    write_wav(tmp_path / "sounds" / "train" / "yes" / "b.wav", [0.0] * 800)
    arguments = {"sample_rate": 8000, "seconds": 0.1}

    assert AudioFolder(tmp_path / "sounds", **arguments).has_test
    alone = AudioFolder(tmp_path / "sounds" / "train", test_fraction=0.0, **arguments)
    assert not alone.has_test
    with pytest.raises(DataError, match="Held-out sounds"):
        _ = alone.test
    with pytest.raises(DataError, match="must hold images"):
        ImageFolder(tmp_path / "sounds")
