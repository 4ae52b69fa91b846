"""Tests of sslkeras.datasets.optical_flow."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from sslkeras import datasets
from sslkeras.datasets import optical_flow
from sslkeras.datasets.dataset import Order
from sslkeras.datasets.optical_flow import OpticalFlow, compute_flow
from sslkeras.errors import DataError
from tests.datasets.moving_pictures import write_frames

CLIPS = "moving_digits(num_examples=5, num_test=3, size=24, digit_size=12, num_frames=4)"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def drifting(shifts, side=40):
    """uint8 video `(frames, side, side, 1)` of a smooth texture, moved by (dx, dy) a frame."""
    texture = ndimage.gaussian_filter(np.random.default_rng(0).random((2 * side, 2 * side)), 2)
    texture = (texture - texture.min()) / np.ptp(texture) * 255
    places = np.cumsum([(0, 0), *shifts], axis=0)
    rows, columns = np.mgrid[:side, :side] + side // 2
    frames = [
        ndimage.map_coordinates(texture, [rows - dy, columns - dx], order=3) for dx, dy in places
    ]
    return np.stack(frames).clip(0, 255).astype(np.uint8)[..., np.newaxis]


@pytest.mark.parametrize("method", ["dis", "farneback", "tvl1"])
def test_flow_is_the_displacement_to_the_next_frame_as_dx_dy(method):
    flow = compute_flow(drifting([(1.5, 0), (0, -1)]), method)

    assert flow.shape == (2, 40, 40, 2) and flow.dtype == np.float32
    inner = flow[:, 8:-8, 8:-8].mean((1, 2))
    np.testing.assert_allclose(inner, [(1.5, 0), (0, -1)], atol=0.1)


def test_colours_count_by_their_luminance():
    grey = drifting([(1, 0)])

    np.testing.assert_array_equal(
        compute_flow(np.repeat(grey, 3, axis=-1), "dis"), compute_flow(grey, "dis")
    )


def test_features_join_those_of_the_dataset():
    data = OpticalFlow(CLIPS)
    inner = datasets.create(CLIPS)

    batch = next(iter(data.train.batches(5)))
    raw = next(iter(inner.train.batches(5)))

    assert set(data.train.features) == {*inner.train.features, "flow_backward", "motion"}
    np.testing.assert_array_equal(batch["video"], raw["video"])
    video = raw["video"].numpy()
    for clip in range(5):
        np.testing.assert_allclose(
            batch["flow"][clip], compute_flow(video[clip], "dis"), atol=1 / 128
        )
        np.testing.assert_allclose(
            batch["flow_backward"][clip], compute_flow(video[clip, ::-1], "dis"), atol=1 / 128
        )
    lengths = np.linalg.norm(batch["flow"], axis=-1).mean((2, 3))
    np.testing.assert_allclose(batch["motion"][:, :3], lengths, rtol=1e-5)
    np.testing.assert_array_equal(batch["motion"][:, 3], batch["motion"][:, 2])
    assert {name: spec.shape for name, spec in data.train.features.items()} == {
        name: tf.TensorShape(value.shape[1:]) for name, value in batch.items()
    }


def test_the_exact_flow_of_the_dataset_is_kept_if_asked_for():
    exact = next(iter(datasets.create(CLIPS).train.batches(5)))["flow"]

    kept = next(iter(OpticalFlow(CLIPS, exact=True).train.batches(5, only=("flow",))))

    np.testing.assert_array_equal(kept["flow"], exact)


def test_only_what_is_wanted_is_read(monkeypatch):
    monkeypatch.setattr(optical_flow, "compute_flow", None)

    batch = next(iter(OpticalFlow(CLIPS).train.batches(5, only=("label", "video"))))

    assert set(batch) == {"label", "video"}


def test_a_clip_is_computed_once_and_found_by_its_content(tmp_path, monkeypatch):
    computed = []
    compute = optical_flow.compute_flow
    monkeypatch.setattr(
        optical_flow, "compute_flow", lambda *args: computed.append(args) or compute(*args)
    )

    def flow(**arguments):
        return next(iter(OpticalFlow(CLIPS, **arguments).test.batches(3, only=("flow",))))["flow"]

    first = flow(cache=str(tmp_path / "flow"))
    again = flow(cache=str(tmp_path / "flow"))
    assert len(computed) == 3
    np.testing.assert_array_equal(again, first)
    flow(cache=str(tmp_path / "flow"), method="farneback")
    assert len(computed) == 6
    next((tmp_path / "flow").glob("*/*.npz")).write_bytes(b"cut off")
    flow(cache=str(tmp_path / "flow")), flow(cache=str(tmp_path / "flow"), method="farneback")
    assert len(computed) == 7


def test_the_order_is_that_of_the_dataset():
    order = Order(seed=2, epoch=1, steps=2)
    data, inner = OpticalFlow(CLIPS), datasets.create(CLIPS)

    clips = [b["video"] for b in data.train.batches(2, order=order, start=1).take(2)]
    raw = [b["video"] for b in inner.train.batches(2, order=order, start=1).take(2)]

    np.testing.assert_array_equal(clips, raw)
    assert [len(batch["motion"]) for batch in data.train.batches(2, start=1)] == [2, 1]


def test_the_padding_of_whole_videos_has_no_motion(tmp_path):
    write_frames(tmp_path / "v" / "a", 6)
    write_frames(tmp_path / "v" / "b", 3)
    path = str(tmp_path / "v")
    data = OpticalFlow(f"video_folder({path!r}, num_frames=None, size=16, test_fraction=0)")

    batch = next(iter(data.train.batches(2)))

    assert batch["num_frames"].numpy().tolist() == [6, 3]
    moved = np.abs(batch["flow_backward"]).sum((2, 3, 4)) > 0
    assert moved.tolist() == [[True] * 5, [True, True, False, False, False]]
    assert (batch["motion"].numpy() > 0).tolist() == [[True] * 6, [True] * 3 + [False] * 3]


def test_what_has_no_clips_or_too_small_ones_is_refused():
    with pytest.raises(DataError, match="needs a dataset that offers 'video' in uint8"):
        _ = OpticalFlow("digits").train
    small = "moving_digits(num_examples=2, num_test=1, size=10, digit_size=8, num_frames=2)"
    with pytest.raises(DataError, match="12 x 12 pixels or more. Received: 2 frames of 10 x 10"):
        _ = OpticalFlow(small).train
    assert OpticalFlow(small, method="farneback").train.size == 2


def test_a_missing_package_is_named_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)

    with pytest.raises(DataError, match=r"pip install 'sslkeras\[video\]'"):
        OpticalFlow(CLIPS)
