"""Imitation from third-person observation: does a robot take up the pose that it sees?

    python benchmarks/imitation.py
    python benchmarks/imitation.py --picture=runs/imitation.png --seeds=3

The experiment of P. Sermanet et al., "Time-Contrastive Networks", ICRA 2018, section IV-C, in
the plane: `planar_arms` of the plugin multiview. A robot films itself and others with two
cameras. It knows its own joint angles and nobody else's. An encoder learns from all videos by
time contrast, a decoder learns to tell joint angles from the embeddings of the robot's own
videos (self-regression). Then both are shown a demonstrator, an arm of another shape that
neither has seen, and the decoder's answers are joint commands.

Printed is the mean error of a joint angle as a part of its range, lower is better, and the
alignment error between the two views of the demonstrator, beside

- mean joints: the mean angles of the robot's training videos, whatever is seen;
- random embedding: a decoder on an encoder that learned nothing;
- robot: the same on new videos of the robot itself, an upper bound.

Imitation works if the demonstrator's error is well below that of the mean joints. In this
simple world self-regression alone can be as good as with time contrast: what the contrast
improves for sure is the alignment.
"""

import os
import pathlib
import statistics
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402
from PIL import Image  # noqa: E402
from sslkeras_multiview.planar_arms import LIMIT, render  # noqa: E402

import sslkeras  # noqa: E402
from sslkeras.datasets.dataset import as_float  # noqa: E402
from sslkeras.evaluation.alignment_error import alignment_error  # noqa: E402

TASK = (
    "time_contrastive(image_size=48, crop_min_area=1.0, canvas_max_scale=1.0, brightness=0.0, "
    "saturation=0.0, conv_filters=(32,), softmax_temperature=0.2, dense_units=(128,), "
    "normalization='group', dropout=0.0, joint_regression={joint}, contrast_weight={weight})"
)
ENCODER = "convnet(filters=(32, 64, 64), strides=(2, 2, 2), group_norm=8)"

flags.DEFINE_integer("seeds", 2, "Trainings of each kind, with seeds 0, 1, ...")
flags.DEFINE_integer("steps", 1000, "Steps of each training.")
flags.DEFINE_float("contrast_weight", 0.3, "Factor of the contrast beside self-regression.")
flags.DEFINE_string("picture", None, "Where to draw demonstrations and the robot's poses, a PNG.")
FLAGS = flags.FLAGS


def whole(split):
    """All of a split as arrays, pixels in [0, 1]."""
    return {k: v.numpy() for k, v in as_float(next(iter(split.batches(split.size)))).items()}


def embedded(encoder, views):
    """Embeddings `(sequences, views, frames, features)`."""
    vectors = encoder.predict(views.reshape(-1, *views.shape[3:]), batch_size=256, verbose=0)
    return vectors.reshape(*views.shape[:3], -1)


def trained(seed, joint, weight):
    """Encoder and decoder of one training; the decoder is None without self-regression."""
    run = sslkeras.pretrain(
        TASK.format(joint=joint, weight=weight),
        "planar_arms",
        ENCODER,
        steps=FLAGS.steps,
        batch_size=4 if joint else 1,
        learning_rate=1e-3,
        schedule="constant",
        seed=seed,
        output=os.path.join(tempfile.mkdtemp(), "run"),
    )
    decoder = run.model.get_layer("decoder") if joint else None
    return run, run.encoders["encoder"], decoder


def fitted_decoder(features, joints, seed):
    """A decoder of the same form, fitted on embeddings that stay as they are."""
    keras.utils.set_random_seed(seed)
    scale = keras.layers.Normalization()
    scale.adapt(features)
    decoder = keras.Sequential(
        [scale, keras.layers.Dense(64, activation="relu"), keras.layers.Dense(joints.shape[-1])]
    )
    decoder.compile(keras.optimizers.Adam(1e-3), "mse")
    decoder.fit(features, joints, batch_size=64, epochs=60, verbose=0)
    return decoder


def joint_error(predicted, joints):
    """Mean absolute error as a part of the range, over both views."""
    return float(np.abs(predicted - joints[:, np.newaxis]).mean() / (2 * LIMIT))


def main(_):
    data = sslkeras.datasets.create("planar_arms")
    robots = {k: v[data.num_others :] for k, v in whole(data.train).items()}
    judged = {
        "demonstrator": whole(data.test),
        "robot": whole(sslkeras.datasets.create("planar_arms(test_agent='robot')").test),
    }
    mean = robots["joints"].mean(axis=(0, 1))
    rows, best = {}, None

    def judge(kind, encoder, decoder):
        row = []
        for videos in judged.values():
            vectors = embedded(encoder, videos["views"])
            answers = decoder.predict(
                vectors.reshape(-1, vectors.shape[-1]), batch_size=1024, verbose=0
            )
            answers = answers.reshape(*vectors.shape[:3], -1)
            row.append(joint_error(answers, videos["joints"]))
            row.append(
                statistics.fmean(alignment_error(v[a], v[1 - a]) for v in vectors for a in (0, 1))
            )
        rows.setdefault(kind, []).append(row)

    def on_frozen(kind, encoder, seed):
        vectors = embedded(encoder, robots["views"])
        joints = np.broadcast_to(robots["joints"][:, np.newaxis], (*vectors.shape[:3], 2))
        features = vectors.reshape(-1, vectors.shape[-1])
        judge(kind, encoder, fitted_decoder(features, joints.reshape(-1, 2), seed))

    for seed in range(FLAGS.seeds):
        _, encoder, decoder = trained(seed, True, 0.0)
        judge("self-regression", encoder, decoder)
        _, encoder, decoder = trained(seed, True, FLAGS.contrast_weight)
        judge("time contrast and self-regression", encoder, decoder)
        best = best or (encoder, decoder)
        run, encoder, _ = trained(seed, False, 1.0)
        on_frozen("time contrast, then a decoder", encoder, seed)
        untrained = run.task.encoders(run.untrained_model(seed))["encoder"]
        on_frozen("random embedding, then a decoder", untrained, seed)

    print(f"\n{'':36}{'demonstrator':>22}{'robot, new videos':>22}")
    print(f"{'':36}{'joints':>11}{'alignment':>11}{'joints':>11}{'alignment':>11}")
    constant = [
        joint_error(np.broadcast_to(mean, (1, 1, 1, 2)), videos["joints"])
        for videos in judged.values()
    ]
    print(f"{'mean joints':36}{constant[0]:11.3f}{'':11}{constant[1]:11.3f}")
    for kind, values in rows.items():
        print(f"{kind:36}" + "".join(f"{value:11.3f}" for value in np.mean(values, axis=0)))
    if FLAGS.picture:
        draw(*best, judged["demonstrator"])


def draw(encoder, decoder, videos):
    """Demonstrations of both cameras, and below each the robot in the pose it was told."""
    strips = []
    moments = slice(None, None, 5)
    for sequence in (0, 1):
        for view in (0, 1):
            seen = videos["views"][sequence, view, moments]
            joints = decoder.predict(encoder.predict(seen, verbose=0), verbose=0)
            looks = ([[0.40, 0.45]], [0.08], [[0.3, 0.5, 0.9]])
            looks = [np.array(value, np.float32) for value in looks]
            robot = render(joints[np.newaxis], *looks, seen.shape[1]).numpy()[0, view]
            strips += [np.concatenate(list(frames), axis=1) for frames in (seen, robot)]
    picture = Image.fromarray((255 * np.concatenate(strips)).round().astype(np.uint8))
    path = pathlib.Path(FLAGS.picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.resize((picture.width * 2, picture.height * 2), Image.NEAREST).save(path)
    print(f"Wrote {path}")


if __name__ == "__main__":
    app.run(main)
