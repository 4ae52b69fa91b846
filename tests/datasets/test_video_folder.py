"""Tests of sslkeras.datasets.video_folder."""

import os
import shutil
import sys

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from sslkeras.datasets import media
from sslkeras.datasets.dataset import Order, Share, slice_of
from sslkeras.datasets.video_folder import VideoFolder
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation.frame_features import read_videos
from tests.datasets.moving_pictures import number_in, write, write_frames


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    """Videos of 20, 13 and 8 frames whose values are 1, 2 and 3."""
    write(tmp_path / "v" / "a.mp4", 20, value=1)
    write(tmp_path / "v" / "b.gif", 13, value=2, codec="gif")
    write_frames(tmp_path / "v" / "c", 8, value=3)
    return tmp_path / "v"


def shown(batches):
    """(values, numbers of frames) of each clip."""
    clips = [clip for batch in batches for clip in batch["video"].numpy()]
    return [(int(v[0]), n.tolist()) for n, v in map(number_in, clips)]


def test_clips_begin_every_hop_frames_and_their_frames_are_a_stride_apart(folder):
    data = VideoFolder(folder, size=32, num_frames=3, stride=2, test_fraction=0.0)

    clips = shown(data.train.batches(4))

    # A clip spans 5 frames; the next begins 3 x 2 frames after it.
    assert clips == [
        (1, [0, 2, 4]),
        (1, [6, 8, 10]),
        (1, [12, 14, 16]),
        (2, [0, 2, 4]),
        (2, [6, 8, 10]),
        (3, [0, 2, 4]),
    ]
    assert data.train.size == 6
    assert data.train.features["video"] == tf.TensorSpec((3, 32, 32, 3), tf.uint8, "video")
    dense = VideoFolder(folder, size=32, num_frames=8, hop=5, test_fraction=0.0)
    assert [clip[1][0] for clip in shown(dense.train.batches(9))] == [0, 5, 10, 0, 5, 0]


def test_the_last_frame_can_end_a_clip(folder):
    data = VideoFolder(folder, size=32, num_frames=4, hop=1, test_fraction=0.0)

    lasts = {}
    for value, numbers in shown(data.train.batches(32)):
        lasts[value] = numbers[-1]
    assert lasts == {1: 19, 2: 12, 3: 7}


def test_by_default_no_frame_is_in_two_clips_and_so_on_two_replicas(folder):
    data = VideoFolder(folder, size=32, num_frames=3, test_fraction=0.0)

    batch = next(iter(data.train.batches(8, order=Order(seed=3))))
    parts = [shown([slice_of(batch, replica, 4)]) for replica in range(2)]
    frames = [{(value, n) for value, ns in part for n in ns} for part in parts]

    assert len(frames[0]) == len(frames[1]) == 12
    assert not frames[0] & frames[1]


def test_clips_tell_which_video_they_come_from(folder):
    data = VideoFolder(folder, size=32, num_frames=4, test_fraction=0.4)

    pairs = set()
    for split in (data.train, data.test):
        for batch in split.batches(3, order=Order(seed=1)).take(6):
            values = number_in(batch["video"].numpy())[1][:, 0]
            pairs |= set(zip(values.tolist(), batch["clip"].numpy().tolist()))
    assert pairs == {(1, 0), (2, 1), (3, 2)}


def test_the_split_is_by_videos(tmp_path):
    for number in range(8):
        write_frames(tmp_path / "v" / f"{number}", 6, value=number)

    splits = {}
    for seed in (0, 0, 1):
        data = VideoFolder(tmp_path / "v", size=32, num_frames=2, test_fraction=0.25, seed=seed)
        train, test = ({clip[0] for clip in shown(s.batches(9))} for s in (data.train, data.test))
        assert train | test == set(range(8)) and not train & test and len(test) == 2
        assert splits.setdefault(seed, test) == test
    assert splits[0] != splits[1]


def test_the_order_is_a_function_of_seed_epoch_and_step(folder):
    split = VideoFolder(folder, size=32, num_frames=2, test_fraction=0.0).train
    order = Order(seed=5, epoch=1, steps=4)

    whole = shown(split.batches(4, order=order).take(6))
    again = shown(split.batches(4, order=order, start=2).take(4))
    parts = [shown(split.batches(4, order=order, share=Share(i, 2)).take(6)) for i in range(2)]

    assert again == whole[8:]
    both = zip(*(np.array(part, object).reshape(6, 2, 2) for part in parts))
    assert [tuple(c) for pair in both for half in pair for c in half] == whole
    assert len({str(clip) for clip in whole[:16]}) == 16
    assert whole != shown(split.batches(4, order=Order(6, 1, 4)).take(6))


def test_sub_folders_are_classes(tmp_path):
    write(tmp_path / "v" / "walk" / "a.mp4", 4, value=1)
    write_frames(tmp_path / "v" / "sit" / "b", 4, value=2)
    write_frames(tmp_path / "v" / "fall" / "c", 4, value=3)

    data = VideoFolder(tmp_path / "v", size=32, num_frames=4, test_fraction=0.0)
    some = VideoFolder(
        tmp_path / "v", size=32, num_frames=4, test_fraction=0.0, classes=("walk", "fall")
    )

    (batch,) = data.train.batches(9)
    assert data.label_names == ("fall", "sit", "walk")
    assert batch["label"].numpy().tolist() == [0, 1, 2]
    (batch,) = some.train.batches(9)
    assert some.label_names == ("walk", "fall") and batch["label"].numpy().tolist() == [1, 0]
    with pytest.raises(DataError, match="`classes` must be among.*Received: run"):
        VideoFolder(tmp_path / "v", classes=("run",))


def test_folders_called_train_and_test_are_the_splits(tmp_path):
    for part, value in (("train", 1), ("val", 2), ("notes", 3)):
        for kind in ("walk", "sit"):
            write_frames(tmp_path / "v" / part / kind / "a", 4, value=value)

    data = VideoFolder(tmp_path / "v", size=32, num_frames=4)

    assert {clip[0] for clip in shown(data.train.batches(9))} == {1}
    assert {clip[0] for clip in shown(data.test.batches(9))} == {2}
    assert data.label_names == ("sit", "walk")


def csv(tmp_path, *lines, columns="video,label,start_frame,end_frame"):
    path = tmp_path / "labels.csv"
    path.write_text("\n".join((columns, *lines)) + "\n")
    return path


def test_clips_lie_within_labelled_intervals(folder, tmp_path):
    labels = csv(tmp_path, "a,walk,2,8", "a.mp4,sit,8,20", "b,walk,10,99", "c,fall,0,4")

    data = VideoFolder(
        folder, size=32, num_frames=3, labels=labels, classes=("sit", "walk"), test_fraction=0.0
    )
    (batch,) = data.train.batches(9)

    assert data.label_names == ("sit", "walk")
    assert shown([batch]) == [
        (1, [2, 3, 4]),
        (1, [5, 6, 7]),
        (1, [8, 9, 10]),
        (1, [11, 12, 13]),
        (1, [14, 15, 16]),
        (1, [17, 18, 19]),
        (2, [10, 11, 12]),
    ]
    assert batch["label"].numpy().tolist() == [1, 1, 0, 0, 0, 0, 1]


def test_the_file_of_labels_can_tell_the_split(folder, tmp_path):
    columns = "video,label,split"
    labels = csv(tmp_path, "a,x,test", "b,x,train", "c,y,train", columns=columns)

    data = VideoFolder(folder, size=32, num_frames=4, labels=labels)

    assert {clip[0] for clip in shown(data.train.batches(9))} == {2, 3}
    assert {clip[0] for clip in shown(data.test.batches(9))} == {1}
    for lines in (("a,x,test", "a,x,train"), ("a,x,test", "b,x,")):
        with pytest.raises(DataError, match="`split` must be train or test in all lines"):
            VideoFolder(folder, labels=csv(tmp_path, *lines, columns=columns))


def test_labels_of_a_video_that_is_not_there_are_refused(folder, tmp_path):
    with pytest.raises(DataError, match="must name videos in .*1 that are not there, such as 'd'"):
        VideoFolder(folder, labels=csv(tmp_path, "a,x,0,9", "d,x,0,9"))


def test_whole_videos_are_padded_and_have_a_phase_for_each_frame(folder, tmp_path):
    labels = csv(tmp_path, "a,walk,2,8", "a,sit,8,12", "c,sit,0,3")

    data = VideoFolder(folder, size=32, num_frames=None, stride=2, labels=labels, test_fraction=0.0)
    (batch,) = data.train.batches(9)

    assert data.label_names == ("sit", "walk")
    assert batch["video"].shape == (2, 10, 32, 32, 3)
    assert batch["num_frames"].numpy().tolist() == [10, 4]
    # Frames 0 2 .. 18 of a.mp4 and 0 2 4 6 of c.
    assert batch["phase"].numpy().tolist() == [
        [0, 2, 2, 2, 1, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert number_in(batch["video"][1, :4])[0].tolist() == [0, 2, 4, 6]
    assert not batch["video"][1, 4:].numpy().any()
    videos = read_videos(data.train, "video", None, "mean", 8)
    assert [len(frames) for frames in videos.features] == [10, 4]
    assert [len(phase) for phase in videos.targets["phase"]] == [10, 4]


def test_sequences_cut_whole_videos(folder, tmp_path):
    columns = "video,label,start_frame,end_frame,sequence"
    labels = csv(
        tmp_path, "a,sit,3,6,1", "a,walk,6,8,1", "a,sit,12,,2", "c,walk,1,5,1", columns=columns
    )

    data = VideoFolder(folder, size=32, num_frames=None, labels=labels, test_fraction=0.0)
    (batch,) = data.train.batches(9)

    assert batch["num_frames"].numpy().tolist() == [5, 8, 4]
    assert batch["clip"].numpy().tolist() == [0, 0, 2]
    assert batch["phase"].numpy().tolist() == [
        [1, 1, 1, 2, 2, 0, 0, 0],
        [1] * 8,
        [2, 2, 2, 2, 0, 0, 0, 0],
    ]
    assert number_in(batch["video"][0, :5])[0].tolist() == [3, 4, 5, 6, 7]


def test_damaged_and_short_videos_are_skipped_counted_and_named(folder, caplog):
    (folder / "d.mp4").write_bytes(b"no video")
    logging.use_absl_handler()

    data = VideoFolder(folder, size=32, num_frames=10, test_fraction=0.0)

    assert data.train.skipped == ("c", "d.mp4")
    assert "Skipped 2 videos" in caplog.text and "8 frames are fewer than 10" in caplog.text
    assert "d.mp4 cannot be decoded" in caplog.text
    assert {clip[0] for clip in shown(data.train.batches(9))} == {1, 2}


def test_an_interval_too_short_is_named_with_its_frames(folder, tmp_path):
    labels = csv(tmp_path, "a,walk,2,8", "a,sit,8,9")

    data = VideoFolder(folder, num_frames=3, labels=labels, test_fraction=0.0)

    assert data.train.skipped == ("a.mp4[8:9]",)


@pytest.fixture
def spoilt(tmp_path):
    """Four folders of four frames; the third frame of the second cannot be decoded."""
    for number in range(4):
        write_frames(tmp_path / "v" / f"{number}", 4, value=number)
    (tmp_path / "v" / "1" / "frame2.png").write_bytes(b"\x89PNG and no more")
    return tmp_path / "v"


def test_the_next_readable_clip_takes_the_place_of_a_damaged_one(spoilt):
    split = VideoFolder(spoilt, size=32, num_frames=4, test_fraction=0.0).train

    values = [clip[0] for clip in shown(split.batches(4, order=Order(seed=0)).take(3))]
    resumed = [clip[0] for clip in shown(split.batches(4, order=Order(seed=0), start=1).take(2))]

    assert values[4:] == resumed
    for first in range(0, 12, 4):
        assert sorted(values[first : first + 4]) == [0, 2, 2, 3]
    assert split.skipped == ("1",)


def test_a_pass_in_the_stored_order_leaves_a_damaged_clip_out(spoilt):
    split = VideoFolder(spoilt, size=32, num_frames=4, test_fraction=0.0).train

    assert [clip[0] for clip in shown(split.batches(2))] == [0, 2, 3]
    assert [clip[0] for clip in shown(split.batches(2, start=1))] == [3]
    assert split.skipped == ("1",)


def test_no_readable_clip_is_an_error_before_the_first_batch(spoilt):
    for number in range(4):
        (spoilt / f"{number}" / "frame0.png").write_bytes(b"\x89PNG and no more")

    with pytest.raises(DataError, match="At least one video must be readable.* 4 examples"):
        VideoFolder(spoilt, num_frames=4, test_fraction=0.0).train.batches(2)


def test_videos_that_are_all_too_short_are_refused(spoilt):
    with pytest.raises(DataError, match="long enough for one clip.* 3 videos.* too short"):
        VideoFolder(spoilt, num_frames=5, test_fraction=0.25)


def test_an_empty_and_a_missing_folder_are_refused(tmp_path):
    (tmp_path / "v").mkdir()

    with pytest.raises(DataError, match="must hold videos"):
        VideoFolder(tmp_path / "v")
    with pytest.raises(DataError, match="`path` must be a folder"):
        VideoFolder(tmp_path / "nothing")


def test_a_missing_decoder_is_named_with_the_way_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    media.pyav.cache_clear()

    with pytest.raises(DataError, match=r"PyAV.*pip install 'sslkeras\[video\]'"):
        VideoFolder(folder)


def test_arguments_come_back_in_the_config_and_bad_ones_are_refused(folder):
    data = VideoFolder(folder, size=(8, 12), num_frames=4, channels=1, test_fraction=0.0)

    again = VideoFolder(**data.get_config())
    assert again.train.features["video"].shape == (4, 8, 12, 1)
    for argument in ({"num_frames": 0}, {"stride": 0}, {"size": (8,)}, {"channels": 2}):
        with pytest.raises(ConfigurationError, match=f"`{next(iter(argument))}` of VideoFolder"):
            VideoFolder(folder, **argument)


def fingerprint(folder, **arguments):
    data = VideoFolder(folder, **{"size": 32, "num_frames": 3, "test_fraction": 0.0, **arguments})
    return data.train.fingerprint(["video"])


def test_the_fingerprint_is_that_of_the_files_wherever_they_lie(folder, tmp_path):
    before = fingerprint(folder)

    shutil.copytree(folder, tmp_path / "copy")
    assert fingerprint(tmp_path / "copy") == before
    assert fingerprint(folder, stride=2) != before
    frame = sorted((folder / "c").iterdir())[1]
    os.utime(frame, (1, 1))
    assert fingerprint(folder) != before


@pytest.mark.parametrize("num_frames", [4, None])
def test_frames_that_are_decoded_once_are_the_same(folder, num_frames):
    settings = {"size": (24, 32), "num_frames": num_frames, "test_fraction": 0.0}
    decoded = VideoFolder(folder, **settings).train
    kept = VideoFolder(folder, decode_once=True, **settings).train

    for order in (None, Order(seed=1)):
        for _ in range(2):
            for one, other in zip(decoded.batches(3, order=order), kept.batches(3, order=order)):
                np.testing.assert_array_equal(one["video"], other["video"])
                if order:
                    break

    assert kept.fingerprint(["video"]) == decoded.fingerprint(["video"])
