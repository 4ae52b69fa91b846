"""Images a second of MoCo, beside the same step written plainly in PyTorch.

    python benchmarks/moco.py
    python benchmarks/moco.py --torch=OTHER_ENVIRONMENT/bin/python --raw_size=224

Measured apart: making both views from JPEG files (`views`), the step on tensors (`model`), and
the two together as a run does (`step`): ResNet-18, the head of v2, batch 128, a queue of
4096, views of 32 pixels. Each in a process of its own, in turn, `--repeats` times; the best
counts. `--torch` is a Python that has torch and torchvision; without it only our own rates are
shown. PyTorch's side is benchmarks/moco_torch.py.

The files are random crops of two photographs, `--raw_size` pixels wide.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags  # noqa: E402

PARTS = ("views", "model", "step")

flags.DEFINE_multi_enum("parts", PARTS, PARTS, "What to measure.")
flags.DEFINE_string("torch", None, "A Python with torch and torchvision; None: none.")
flags.DEFINE_integer("raw_size", 64, "Side of the JPEG files in pixels.", 32, 210)
flags.DEFINE_integer("size", 32, "Side of the views in pixels.")
flags.DEFINE_integer("batch_size", 128, "Images in a batch.")
flags.DEFINE_integer("queue_size", 4096, "Keys in the queue.")
flags.DEFINE_bool("small_stem", True, "3 x 3 stem without pooling, for small images.")
flags.DEFINE_float("seconds", 10.0, "Length of each measurement.")
flags.DEFINE_integer("repeats", 3, "Measurements of each.")
flags.DEFINE_string("measure", None, "Be one measurement; used by the command itself.")
flags.DEFINE_string("images", None, "Folder of images for --measure.")
FLAGS = flags.FLAGS


def write_images(folder, count=1024):
    """JPEG files of random crops in a sub-folder of `folder`."""
    import tensorflow as tf

    import sslkeras

    photos = sslkeras.datasets.create(f"photos(size={FLAGS.raw_size}, num_crops={count})")
    (folder / "crops").mkdir()
    crops = photos.train.batches(1).take(count)
    for number, crop in enumerate(crops.as_numpy_iterator()):
        file = folder / "crops" / f"{number:05}.jpg"
        file.write_bytes(tf.io.encode_jpeg(crop["image"][0], quality=90).numpy())


def measure(part):
    """Images a second of one part."""
    import sslkeras
    from sslkeras.datasets.dataset import WHOLE
    from sslkeras.training import pipeline
    from sslkeras.training.optimizers import create_optimizer
    from sslkeras.training.run import build_model

    # With v2's colours; its blur is none to speak of at this size, and PyTorch's side has none.
    task = sslkeras.tasks.create(
        f"moco(queue_size={FLAGS.queue_size}, momentum=0.99, mlp_head=True, augmentation='v2', "
        f"image_size={FLAGS.size})"
    )
    data = sslkeras.datasets.create(
        f"image_folder({FLAGS.images!r}, size={FLAGS.raw_size}, test_fraction=0.0)"
    )
    batches = pipeline.training_batches(
        task,
        data.train,
        FLAGS.batch_size,
        pretext=task.pretext,
        seed=0,
        epoch=0,
        step=0,
        steps=10**6,
        epochs=1,
        share=WHOLE,
    )
    if part == "model":
        batches = batches.take(1).cache().repeat()
    iterator = iter(batches)
    if part == "views":

        def one():
            next(iterator)
    else:
        encoder = sslkeras.encoders.create(f"resnet18(small_image_stem={FLAGS.small_stem})")
        model = build_model(task, data, encoder)
        optimizer = create_optimizer("sgd(momentum=0.9)", learning_rate=0.03, weight_decay=1e-4)
        model.compile(optimizer, loss=task.loss(), metrics=task.metrics())
        train = model.make_train_function()

        def one():
            train(iterator)

    for _ in range(2):
        one()
    began, done = time.perf_counter(), 0
    while (took := time.perf_counter() - began) < FLAGS.seconds:
        one()
        done += FLAGS.batch_size
    return done / took


def rate(command):
    """What one process measured."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])["images_a_second"]


def main(_):
    if FLAGS.measure:
        print(json.dumps({"images_a_second": measure(FLAGS.measure)}))
        return
    here = pathlib.Path(__file__)
    shared = [
        f"--{name}={FLAGS[name].value}" for name in ("size", "batch_size", "queue_size", "seconds")
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_images(pathlib.Path(folder))
        print(f"{'images/s':<8}{'sslkeras':>10}{'PyTorch':>10}{'ratio':>8}")
        for part in FLAGS.parts:
            ours = [sys.executable, str(here), f"--measure={part}", f"--images={folder}", *shared]
            ours += [f"--raw_size={FLAGS.raw_size}", f"--small_stem={FLAGS.small_stem}"]
            commands = [ours]
            if FLAGS.torch:
                theirs = [FLAGS.torch, str(here.with_name("moco_torch.py")), f"--part={part}"]
                theirs += [f"--images={folder}", f"--small_stem={int(FLAGS.small_stem)}", *shared]
                commands.append(theirs)
            rates = [0.0] * len(commands)
            for _ in range(FLAGS.repeats):
                rates = [max(best, rate(command)) for best, command in zip(rates, commands)]
            line = f"{part:<8}" + "".join(f"{one:>10.1f}" for one in rates)
            if len(rates) > 1:
                line += f"{rates[0] / rates[1]:>8.2f}"
            print(line, flush=True)


if __name__ == "__main__":
    app.run(main)
