"""Tests of sslkeras.datasets.video_files."""

import numpy as np
import pytest
from PIL import Image

from sslkeras.datasets import video_files
from sslkeras.datasets.decoded_split import UnreadableFileError
from sslkeras.datasets.video_files import list_videos, read_frames
from tests.datasets.moving_pictures import number_in, write, write_frames


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    "name, codec, b_frames",
    [
        ("a.mp4", "mpeg4", 0),
        ("b.mp4", "mpeg4", 2),
        ("c.avi", "mpeg4", 0),
        ("d.avi", "mpeg4", 2),
        ("e.mkv", "mpeg4", 2),
        ("f.webm", "libvpx", 0),
        ("g.gif", "gif", 0),
        ("h.mpg", "mpeg2video", 2),
    ],
)
def test_each_frame_of_every_container_is_found_by_its_number(tmp_path, name, codec, b_frames):
    write(tmp_path / name, 21, codec=codec, b_frames=b_frames)

    (video,) = list_videos(tmp_path)
    whole = read_frames(video, range(21), (32, 32), 3)
    single = [read_frames(video, [number], (32, 32), 3)[0] for number in range(21)]

    assert video.num_frames == 21 and video.damage is None
    np.testing.assert_array_equal(number_in(whole)[0], np.arange(21))
    np.testing.assert_array_equal(single, whole)


def test_decoding_begins_at_the_last_keyframe_before(tmp_path, monkeypatch):
    write(tmp_path / "a.mp4", 40, every=8)
    (video,) = list_videos(tmp_path)
    seen = []
    decoded = video_files._decoded
    monkeypatch.setattr(
        video_files,
        "_decoded",
        lambda *args: (seen.append(number) or (number, f) for number, f in decoded(*args)),
    )

    read_frames(video, [27, 29], (8, 8), 1)

    np.testing.assert_array_equal(video.keyframes[:, 0], [0, 8, 16, 24, 32])
    assert seen == [24, 25, 26, 27, 28, 29]


def test_a_folder_of_frames_is_one_video_in_the_order_of_their_numbers(tmp_path):
    write_frames(tmp_path / "walk", 12)

    (video,) = list_videos(tmp_path)

    assert (video.name, video.num_frames) == ("walk", 12)
    numbers, _ = number_in(read_frames(video, [2, 9, 11], (32, 32), 3))
    assert numbers.tolist() == [2, 9, 11]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_frames_are_scaled_to_cover_and_the_middle_is_kept(tmp_path, kind):
    # 32 x 32 with a white left half, asked for as 8 x 16: rows are cut, columns are not.
    def picture(number, value):
        return np.repeat((np.arange(32) < 16)[None, :, None] * np.uint8(255), 32, 0).repeat(3, 2)

    if kind == "file":
        write(tmp_path / "a.avi", 2, picture=picture)
    else:
        Image.fromarray(picture(0, 0)).save(tmp_path / "a.png")

    (video,) = list_videos(tmp_path)
    (frame,) = read_frames(video, [0], (8, 16), 1)

    assert frame.shape == (8, 16, 1)
    np.testing.assert_allclose(frame[:, :7], 255, atol=12)
    np.testing.assert_allclose(frame[:, 9:], 0, atol=12)


def test_unchanged_files_are_not_read_again_and_changed_ones_are(tmp_path, monkeypatch):
    folder = tmp_path / "videos"
    write(folder / "a.mp4", 9)
    write(folder / "b.gif", 4, codec="gif")
    (folder / "c.mp4").write_bytes(b"no video")
    first = list_videos(folder)
    probed = []
    probe = video_files._probe
    monkeypatch.setattr(video_files, "_probe", lambda path: probed.append(path) or probe(path))

    second = list_videos(folder)
    again = [path.rsplit("/")[-1] for path in probed]
    write(folder / "b.gif", 5, codec="gif")
    third = list_videos(folder)
    # Several threads look at files, in any order.
    anew = sorted(path.rsplit("/")[-1] for path in probed[len(again) :])

    assert [(v.name, v.num_frames) for v in first] == [("a.mp4", 9), ("b.gif", 4), ("c.mp4", 0)]
    for one, other in zip(first, second, strict=True):
        assert (one.name, one.num_frames, one.damage) == (
            other.name,
            other.num_frames,
            other.damage,
        )
        np.testing.assert_array_equal(one.keyframes, other.keyframes)
    assert again == ["c.mp4"]
    assert anew == ["b.gif", "c.mp4"]
    assert third[1].num_frames == 5


@pytest.mark.parametrize("name, codec", [("a.mp4", "mpeg4"), ("a.avi", "mpeg4"), ("a.gif", "gif")])
def test_a_file_that_is_cut_off_is_damaged_or_shorter(tmp_path, name, codec):
    write(tmp_path / name, 30, codec=codec)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])

    (video,) = list_videos(tmp_path)

    if video.damage is None:
        # Without an index nothing tells how long it was; what is counted can be read.
        assert 0 < video.num_frames < 30
        with pytest.raises(UnreadableFileError):
            read_frames(video, [29], (8, 8), 3)


def test_a_sound_file_and_a_text_are_damaged_videos(tmp_path):
    (tmp_path / "a.mp4").write_text("hello")
    (tmp_path / "b.webm").write_bytes(b"")

    assert all("cannot be decoded" in video.damage for video in list_videos(tmp_path))


def test_a_damaged_frame_of_a_folder_is_unreadable(tmp_path):
    write_frames(tmp_path / "a", 3)
    (tmp_path / "a" / "frame1.png").write_bytes(b"\x89PNG and no more")

    (video,) = list_videos(tmp_path)

    assert read_frames(video, [0, 2], (8, 8), 3).shape == (2, 8, 8, 3)
    with pytest.raises(UnreadableFileError, match="frame1.png is no readable image"):
        read_frames(video, [0, 1], (8, 8), 3)
