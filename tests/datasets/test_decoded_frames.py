"""Tests of sslkeras.datasets.decoded_frames."""

import concurrent.futures
import os

import numpy as np
import pytest

from sslkeras.datasets import decoded_frames
from sslkeras.datasets.decoded_frames import DecodedFrames
from sslkeras.datasets.decoded_split import UnreadableFileError
from sslkeras.datasets.video_files import list_videos, read_frames
from tests.datasets.moving_pictures import number_in, write, write_frames

SIZE = (32, 32)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def decoded(monkeypatch):
    """The numbers of frames that were decoded at a time."""
    calls = []

    def counted(video, numbers, *arguments, **others):
        calls.append(len(numbers))
        return read_frames(video, numbers, *arguments, **others)

    monkeypatch.setattr(decoded_frames, "read_frames", counted)
    return calls


@pytest.fixture
def folder(tmp_path):
    """Videos of 20, 13 and 8 frames whose values are 1, 2 and 3."""
    write(tmp_path / "v" / "a.mp4", 20, value=1)
    write(tmp_path / "v" / "b.gif", 13, value=2, codec="gif")
    write_frames(tmp_path / "v" / "c", 8, value=3)
    return tmp_path / "v"


@pytest.mark.parametrize("channels", [1, 3])
def test_frames_are_those_that_decoding_gives(folder, channels, decoded):
    kept = DecodedFrames(SIZE, channels)

    for video in list_videos(folder):
        for numbers in (range(1, 8, 3), [0, 7]):
            expected = read_frames(video, numbers, SIZE, channels)
            found = kept.read(video, numbers)
            np.testing.assert_array_equal(found, expected)
            assert found.dtype == np.uint8

    assert decoded == [20, 13, 8]


def test_another_process_decodes_nothing(folder, decoded):
    videos = list_videos(folder)
    first = [DecodedFrames(SIZE, 3).read(video, [2, 5]) for video in videos]

    second = [DecodedFrames(SIZE, 3).read(video, [2, 5]) for video in videos]

    np.testing.assert_array_equal(second, first)
    assert decoded == [20, 13, 8]
    DecodedFrames((24, 24), 3).read(videos[0], [2])
    DecodedFrames(SIZE, 1).read(videos[0], [2])
    assert decoded == [20, 13, 8, 20, 20]


def test_a_file_that_changed_is_decoded_anew(folder):
    DecodedFrames(SIZE, 3).read(list_videos(folder)[0], [2])
    write(folder / "a.mp4", 12, value=4)

    frames = DecodedFrames(SIZE, 3).read(list_videos(folder)[0], [3])

    assert number_in(frames)[1].tolist() == [4]


def test_a_frame_of_a_folder_that_changed_is_decoded_anew(folder):
    before = DecodedFrames(SIZE, 3).read(list_videos(folder)[2], [2])
    names = sorted(os.listdir(folder / "c"))
    os.replace(folder / "c" / names[5], folder / "c" / names[2])

    after = DecodedFrames(SIZE, 3).read(list_videos(folder)[2], [2])

    assert (before != after).any()


def test_threads_decode_a_video_once(folder, decoded):
    video, kept = list_videos(folder)[0], DecodedFrames(SIZE, 3)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: kept.read(video, [number]), range(20)))

    assert number_in(np.concatenate(found))[0].tolist() == list(range(20))
    assert decoded == [20]


def test_of_a_damaged_video_what_can_be_decoded_is_read(folder):
    video = list_videos(folder)[2]
    with open(video.frames[6], "wb") as file:
        file.write(b"no image")
    kept = DecodedFrames(SIZE, 3)

    for _ in range(2):
        assert number_in(kept.read(video, [1, 4]))[0].tolist() == [1, 4]
        with pytest.raises(UnreadableFileError, match="no readable image"):
            kept.read(video, [4, 6])
    assert not any(
        files for _, _, files in os.walk(os.environ["XDG_CACHE_HOME"] + "/sslkeras/frames")
    )


@pytest.mark.parametrize("lacking", ["folder", "room"])
def test_without_a_place_to_keep_them_frames_are_decoded_each_time(
    folder, tmp_path, monkeypatch, decoded, lacking
):
    video = list_videos(folder)[0]
    if lacking == "folder":
        (tmp_path / "file").write_text("not a folder")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    else:

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
    kept = DecodedFrames(SIZE, 3)

    for number in (3, 9):
        assert number_in(kept.read(video, [number]))[0].tolist() == [number]

    assert decoded == [1, 1]
