"""Spoken and written digits: which voice belongs to which picture?

    python benchmarks/spoken_digits.py --data=FOLDER
    python benchmarks/spoken_digits.py --data=FOLDER --seeds=3 --runs=runs/spoken_digits

FOLDER holds recordings DIGIT_SPEAKER_NUMBER.wav of at least two speakers, as the Free Spoken Digit
Dataset does (https://github.com/Jakobovski/free-spoken-digit-dataset). Each seed holds out another
speaker. A picture of `sounding_digits`, a handwritten digit somewhere in noise, is paired with a
recording of the same digit: by the other speakers in training, by the one held out in the test,
which shows new handwriting too. Nobody tells the networks which digit it is. Negatives are any
other pairs, a tenth of which are of the same digit: about 0.95 is the most to reach.

Printed are mean ± deviation over seeds of

- accuracy: whether picture and voice belong together, on the test pairs, by AVE-Net, and by
  AVOL-Net, which begins with AVE-Net's weights: from random ones it stays at chance;
- nDCG@30 from pictures to voices, from voices to pictures, and within each, beside random init;
- pointing: whether the largest value of AVOL-Net's map lies on the digit, beside random init and
  the centre of the image;
- shortcuts: the accuracy of the same trunk trained as long on the same labels, given pictures
  only or voices only. Both must stay at 0.5: what they find above it would be a way to cheat;
- digits: logistic regression on features of AVE-Net's encoder of sounds, fitted on the recordings
  of the other speakers and tested on the one held out, beside random init and the log-spectrogram.

What is found is kept in the folder of --runs: the same command goes on where it was, and one that
asks for fewer seeds or more finds what is there. Maps on test pictures are drawn to
RUNS/seedN/avol/pictures/probes.
"""

import json
import os
import pathlib
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

import sslkeras  # noqa: E402
from sslkeras.datasets import ArraySplit, Given  # noqa: E402
from sslkeras.datasets.sound_files import list_sounds, read_sound  # noqa: E402
from sslkeras.encoders.spectrogram import behind_spectrogram  # noqa: E402
from sslkeras.evaluation.probe import RAW, Subject, as_probe  # noqa: E402
from sslkeras.layers import LogSpectrogram, as_vector  # noqa: E402
from sslkeras.training.files import write_atomically  # noqa: E402

RATE = 8000
# A second is heard, moved by up to two frames of 1 / 25 s; recordings reach that much farther.
SAMPLES, MOVED = RATE + 2 * 640, 0.08
# The floor of the logarithm lies above what differs from one speaker's room to another's.
FRAMES = {"frame_length": 160, "frame_step": 80, "fft_length": 256, "floor": 0.1}
TASK = (
    "audiovisual_correspondence(variant='{variant}', embedding_dim=64, sample_rate=8000, "
    "frame_length=160, frame_step=80, fft_length=256, log_floor=0.1, image_size=64, "
    f"flip_probability=0.0, max_misalignment={MOVED})"
)
TRUNK = "convnet(filters=(24, 48, 64, 96), strides=(2, 2, 2, 2))"
# With 32 pairs a step AVE-Net was still at chance after 1,500 steps.
BATCH = 128
SENSES = ("image", "audio")
INITS = 3  # Random initialisations that stand beside each training, as their mean.
RETRIEVAL = "cross_modal_retrieval(encoders=('image_embedding', 'audio_embedding'))"
PROBES = {"ave": [RETRIEVAL], "avol": [RETRIEVAL, "localization(target='box')"]}

flags.DEFINE_string("data", None, "Folder of the recordings.", required=True)
flags.DEFINE_string("runs", "runs/spoken_digits", "Folder for the run folders and figures.")
flags.DEFINE_integer("seeds", 3, "Trainings of each kind, with seeds 0, 1, ...", lower_bound=1)
flags.DEFINE_integer("steps", 500, "Steps of each training, of 128 pairs.")
flags.DEFINE_integer("pairs", 8000, "Pairs to train on.")
flags.DEFINE_integer("test_pairs", 1000, "Pairs to test on.")
FLAGS = flags.FLAGS


def recordings(folder):
    """The middle of each recording, float32 `(recordings, SAMPLES)`, its digit, and its speaker.

    Shorter ones have silence at both ends alike. All are equally loud: the greatest value is 0.9.
    """
    waves, digits, speakers = [], [], []
    for sound in list_sounds(folder, (".wav",)):
        digit, speaker, _ = pathlib.Path(sound.name).stem.split("_")
        start = sound.start + (sound.seconds - SAMPLES / RATE) / 2
        wave = read_sound(sound.path, start, SAMPLES, RATE)
        waves.append(0.9 * wave / np.abs(wave).max())
        digits.append(int(digit))
        speakers.append(speaker)
    if len(set(speakers)) < 2:
        raise app.UsageError(
            f"--data must hold DIGIT_SPEAKER_NUMBER.wav of two speakers or more. Received: "
            f"{len(waves)} recordings of {sorted(set(speakers))} in {folder!r}."
        )
    return np.stack(waves), np.array(digits, np.int32), np.array(speakers)


def paired(split, waves, digits, seed):
    """The pictures of a split, each with a recording of its digit in place of its tone."""
    read = next(iter(split.batches(split.size, only=("image", "label", "box", "clip"))))
    arrays = {name: value.numpy() for name, value in read.items()}
    random = np.random.default_rng(seed)
    rows = [random.choice(np.flatnonzero(digits == digit)) for digit in arrays["label"]]
    return ArraySplit({**arrays, "waveform": waves[rows]})


class Figures:
    """What was measured, by name; kept in a file."""

    def __init__(self, path):
        self._path = path
        self._known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def measure(self, name, measurement):
        """What `measurement()`, a dict of floats, gave; it is called once for each name."""
        if name not in self._known:
            self._known[name] = {key: float(value) for key, value in measurement().items()}
            write_atomically(self._path, json.dumps(self._known, indent=1) + "\n")
        return self._known[name]


def trained(variant, data, seed, folder):
    """The run of one network. AVOL-Net begins with the weights of AVE-Net."""
    return sslkeras.pretrain(
        TASK.format(variant=variant),
        data,
        TRUNK,
        steps=FLAGS.steps,
        batch_size=BATCH,
        learning_rate=1e-3,
        seed=seed,
        output=folder / variant,
        init_from=trained("ave", data, seed, folder) if variant == "avol" else None,
    )


def correspondence(variant, data, seed, folder):
    """Accuracy, retrieval and pointing of one network, beside random init."""
    run = trained(variant, data, seed, folder)
    result = sslkeras.evaluate(run, probes=PROBES[variant], seeds=INITS)
    found = {"accuracy": result.surrogate["accuracy"]}
    for probe in result.probes:
        for contender in probe.runs:
            for name, value in probe.metrics(contender).items():
                found[f"{contender}: {name}"] = value
    return found


def alone(sense, data, seed):
    """Test accuracy of a network that sees the picture only, or hears the voice only."""
    keras.utils.set_random_seed(seed)
    task = sslkeras.tasks.create(TASK.format(variant="ave"))
    name = {"image": "image", "audio": "waveform"}[sense]
    trunk = sslkeras.encoders.create(TRUNK)

    def examples(split, **how):
        batches = task.examples(split, BATCH, seed=seed, **how)
        return batches.map(lambda inputs, label: (inputs[name], label))

    train = examples(data.train, steps=FLAGS.steps)
    given = keras.Input(train.element_spec[0].shape[1:])
    if sense == "audio":
        features = behind_spectrogram(trunk, given.shape[1:], **FRAMES)(given)
    else:
        features = trunk(given.shape[1:])(given)
    hidden = keras.layers.Dense(64, activation="relu")(as_vector(features, "max"))
    model = keras.Model(given, keras.layers.Dense(2)(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    model.fit(train, verbose=2)
    _, accuracy = model.evaluate(examples(data.test, training=False), verbose=0)
    return {"accuracy": accuracy}


def digits_by_ear(run, voices):
    """Top-1 on the speaker held out, of the encoder of sounds and of what it must beat."""
    result = sslkeras.evaluate(
        run,
        probes=["linear"],
        dataset=voices,
        encoder="audio_encoder",
        seeds=INITS,
        pooling="max",  # As the network's own head.
        output=run.folder / "ear",
    )
    probe = result.probes[0]
    found = {contender: probe.metrics(contender)["top-1"] for contender in probe.runs}
    spectrogram = LogSpectrogram(**FRAMES)
    seen = [
        ArraySplit(
            {
                "spectrogram": spectrogram(batch["waveform"]).numpy().reshape(split.size, -1),
                "label": batch["label"].numpy(),
            }
        )
        for split in (voices.train, voices.test)
        for batch in split.batches(split.size)
    ]
    subject = Subject(RAW, Given(*seen), "spectrogram", None)
    found["log-spectrogram"] = as_probe("linear").run(subject, 0)["top-1"]
    return found


def prove(seed, spoken, figures, runs):
    """All figures of one seed, by what was measured."""
    waves, digits, speakers = spoken
    names = sorted(set(speakers))
    held_out = names[seed % len(names)]
    heard = speakers != held_out
    pictures = sslkeras.datasets.create(
        f"sounding_digits(num_examples={FLAGS.pairs}, num_test={FLAGS.test_pairs}, seed={seed})"
    )
    data = Given(
        paired(pictures.train, waves[heard], digits[heard], [seed, 0]),
        paired(pictures.test, waves[~heard], digits[~heard], [seed, 1]),
        label_names=pictures.label_names,
    )
    middle = waves[:, (SAMPLES - RATE) // 2 :][:, :RATE]
    voices = Given(
        *(ArraySplit({"waveform": middle[part], "label": digits[part]}) for part in (heard, ~heard))
    )
    print(f"\nSeed {seed}: '{held_out}' is held out.")
    folder = runs / f"seed{seed}"
    found = {
        variant: figures.measure(
            f"seed {seed}, {variant}",
            lambda v=variant: correspondence(v, data, seed, folder),
        )
        for variant in PROBES
    }
    found["digits"] = figures.measure(
        f"seed {seed}, digits",
        lambda: digits_by_ear(trained("ave", data, seed, folder), voices),
    )
    for sense in SENSES:
        found[f"{sense} alone"] = figures.measure(
            f"seed {seed}, {sense} alone", lambda s=sense: alone(s, data, seed)
        )
    return found


def table(found):
    """Rows of a Markdown table: what, the network, random init, and what else stands beside it."""

    def over_seeds(part, name):
        values = [one[part][name] for one in found]
        mean = f"{statistics.fmean(values):.3f}"
        return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.3f}"

    lines = ["| | trained | random init | beside it |", "| --- | --- | --- | --- |"]
    titles = {"ave": "AVE-Net", "avol": "AVOL-Net"}
    for variant, title in titles.items():
        lines.append(f"| {title}, accuracy | {over_seeds(variant, 'accuracy')} | | chance 0.5 |")
    for variant, title in titles.items():
        for one, other in (("image", "audio"), ("audio", "image"), ("image",) * 2, ("audio",) * 2):
            name = f"nDCG@30, {one}_embedding to {other}_embedding"
            cells = [over_seeds(variant, f"{who}: {name}") for who in ("pretrained", "random init")]
            lines.append(f"| {title}, nDCG@30 {one} to {other} | {cells[0]} | {cells[1]} | |")
    cells = [over_seeds("avol", f"{who}: pointing") for who in ("pretrained", "random init")]
    centre = over_seeds("avol", "pretrained: centre pointing")
    lines.append(f"| AVOL-Net, pointing | {cells[0]} | {cells[1]} | centre {centre} |")
    cells = [over_seeds("digits", who) for who in ("pretrained", "random init")]
    beside = over_seeds("digits", "log-spectrogram")
    lines.append(
        f"| digits by AVE-Net's ear | {cells[0]} | {cells[1]} | log-spectrogram {beside} |"
    )
    for sense in SENSES:
        cell = over_seeds(f"{sense} alone", "accuracy")
        lines.append(f"| shortcut: {sense} alone, accuracy | {cell} | | chance 0.5 |")
    return "\n".join(lines)


def main(_):
    runs = pathlib.Path(FLAGS.runs).resolve()
    runs.mkdir(parents=True, exist_ok=True)
    figures = Figures(runs / "figures.json")
    spoken = recordings(FLAGS.data)
    found = [prove(seed, spoken, figures, runs) for seed in range(FLAGS.seeds)]
    print(f"\n{table(found)}")


if __name__ == "__main__":
    app.run(main)
