"""Clips a second of a `video_folder`: decoded each time against `decode_once=True`.

    python benchmarks/videos.py
    python benchmarks/videos.py --data=FOLDER --size=64

Without a folder, `--videos` made ones in H.264 or MPEG-4 with noise that moves, a keyframe every
second. Both sides read the same overlapping clips in the same shuffled order, batch by batch, in
turn; of each the best of `--repeats` counts. The time of the first pass, in which
`decode_once` decodes whole videos, and the bytes that it keeps are told apart.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pathlib  # noqa: E402
import tempfile  # noqa: E402

import av  # noqa: E402
import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

from sslkeras.datasets.dataset import Order  # noqa: E402
from sslkeras.datasets.video_folder import VideoFolder  # noqa: E402

flags.DEFINE_string("data", None, "Folder of videos; None: made ones.")
flags.DEFINE_integer("videos", 8, "How many are made.")
flags.DEFINE_integer("seconds", 40, "Length of one that is made, 25 frames a second.")
flags.DEFINE_integer("height", 240, "Of a frame that is made, in pixels; the width is 4/3 of it.")
flags.DEFINE_integer("size", 64, "Side of the frames that are given, in pixels.")
flags.DEFINE_integer("num_frames", 16, "Frames of a clip.")
flags.DEFINE_integer("stride", 3, "Frames from one to the next.")
flags.DEFINE_integer("hop", 12, "Frames from the begin of one clip to the next.")
flags.DEFINE_integer("batch_size", 32, "Clips in a batch.")
flags.DEFINE_integer("batches", 12, "Batches of a measurement.")
flags.DEFINE_integer("repeats", 3, "Measurements of each.")
FLAGS = flags.FLAGS


def make(folder):
    """Writes videos of blurred noise that moves by a pixel or two a frame."""
    height, width = FLAGS.height, FLAGS.height * 4 // 3
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    for number in range(FLAGS.videos):
        random = np.random.default_rng(number)
        coarse = random.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
        picture = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
        with av.open(str(folder / f"{number}.mp4"), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.gop_size = 25
            for frame in range(25 * FLAGS.seconds):
                pixels = np.roll(picture, (frame, 2 * frame), (0, 1))
                image = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                container.mux(stream.encode(image))
            container.mux(stream.encode())


def clips_a_second(data, seed):
    started, done = time.perf_counter(), 0
    for batch in data.train.batches(FLAGS.batch_size, order=Order(seed)):
        done += len(batch["video"])
        if done >= FLAGS.batch_size * FLAGS.batches:
            break
    return done / (time.perf_counter() - started)


def main(_):
    with tempfile.TemporaryDirectory() as place:
        os.environ["XDG_CACHE_HOME"] = os.path.join(place, "cache")
        folder = pathlib.Path(FLAGS.data or os.path.join(place, "videos"))
        if not FLAGS.data:
            folder.mkdir()
            make(folder)
        sides = {
            once: VideoFolder(
                folder,
                size=FLAGS.size,
                num_frames=FLAGS.num_frames,
                stride=FLAGS.stride,
                hop=FLAGS.hop,
                decode_once=once,
                test_fraction=0.0,
            )
            for once in (False, True)
        }
        started = time.perf_counter()
        for _ in sides[True].train.batches(FLAGS.batch_size):
            pass
        first = time.perf_counter() - started
        kept = sum(path.stat().st_size for path in pathlib.Path(place).rglob("frames/*.npy"))
        paces = {once: [] for once in sides}
        for repeat in range(FLAGS.repeats):
            for once, data in sides.items():
                paces[once].append(clips_a_second(data, repeat))
        each, once = max(paces[False]), max(paces[True])
        print(f"{sides[True].train.size} clips of {FLAGS.num_frames} frames of {FLAGS.size} pixels")
        print(f"decoded each time: {each:.0f} clips/s")
        print(f"decode_once: {once:.0f} clips/s, {once / each:.1f} times as many")
        print(f"first pass: {first:.1f} s; kept: {kept / 2**20:.0f} MiB")


if __name__ == "__main__":
    app.run(main)
