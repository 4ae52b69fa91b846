"""What every probe prints beside its result: random weights, the raw input, a trivial answer.

One run of a task that every probe can ask is judged by all of them at once.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import sslkeras
from sslkeras import registry
from sslkeras.datasets.dataset import ArraySplit, Given
from sslkeras.task import Task

SIDE, FRAMES, WORDS = 12, 5, 12

# The probe, whether it judges the raw input, and metrics with their trivial answer: what chance,
# standing still, the commonest class or the like would have.
TABLE = {
    "alignment_error": (True, {"error": "chance"}),
    "anomaly": (True, {"average precision": "share of anomalies"}),
    "attribute_error(target='phase')": (True, {"error": "chance"}),
    "bag_of_words(words=3, restarts=1)": (False, {"top-1": "majority top-1"}),
    "cross_modal_retrieval(k=(1,))": (False, {"R@1, first to second": "chance R@1"}),
    "disentanglement": (False, {"label from first": "chance of label"}),
    "finetune(labels=0.5, steps=1, seeds=2)": (False, {"top-1": "frozen top-1"}),
    "flow_epe": (False, {"EPE": "zero-flow EPE", "Fl-all": "zero-flow Fl-all"}),
    "frame_quality": (
        False,
        {name: f"copy-last {name}" for name in ("PSNR", "SSIM", "sharpness")},
    ),
    "frame_retrieval": (True, {"AP@5": "chance AP"}),
    "kendall_tau": (True, {}),  # 0 by its definition.
    "knn(k=3)": (True, {}),
    "label_propagation": (False, {name: f"identity {name}" for name in ("J&F", "J", "F")}),
    "linear(labels=0.5, seeds=2)": (True, {}),
    "localization(target='place')": (
        False,
        {
            name: f"centre {name}"
            for name in ("pointing", "IOU", "success@0.5", "success AUC", "pixel AUC")
        },
    ),
    "masked_accuracy": (
        False,
        {name: f"unigram {name}" for name in ("top-1", "top-5", "perplexity")},
    ),
    "perplexity": (
        False,
        {name: f"unigram {name}" for name in ("perplexity", "bits per token")},
    ),
    "phase_classification": (True, {"accuracy, 100% of videos": "majority"}),
    "phase_progression": (True, {}),  # 0 by the definition of R^2: the mean.
    "retrieval(k=(1,))": (True, {"P@1": "chance P@k"}),
    "word_analogy": (False, {"3CosAdd": "nearest to c", "3CosMul": "nearest to c"}),
    "word_similarity": (False, {"Spearman": "chance"}),
}


class Everything(Task):
    """A task that answers whatever a probe asks, by the weights of its first trunk."""

    reads = {"video": (1, 1, 1, 1), "tokens": (1,)}

    def __init__(self):
        super().__init__()

    def pretext(self, batch, seed):
        return batch["video"][:, 0], batch["video"][:, 0]

    def build_model(self, inputs, encoder, data):
        frame = keras.Input((SIDE, SIDE, 1))
        trunks = [
            keras.Sequential(
                [keras.Input((SIDE, SIDE, 1)), keras.layers.Conv2D(3, 3, 4, padding="same")],
                name=name,
            )
            for name in ("first", "second")
        ]
        return keras.Model(frame, keras.layers.Add()([trunk(frame) for trunk in trunks]))

    def loss(self):
        return keras.losses.MeanSquaredError()

    def encoders(self, model):
        return {name: model.get_layer(name) for name in ("first", "second")}

    def encoder_reads(self):
        return dict.fromkeys(("first", "second"), "video")

    def predict_frames(self, model, batch):
        seen, truth = batch["video"][:, -2], batch["video"][:, -1:]
        return (seen * self._number(model))[:, tf.newaxis], truth, seen

    def predict_flow(self, model, batch):
        return {"flow": batch["flow"] * self._number(model), "truth": batch["flow"]}

    def localize(self, model, batch):
        maps = self.encoders(model)["first"](batch["video"][:, 0], training=False)
        return tf.sigmoid(maps[..., 0])

    def token_log_likelihoods(self, model, batch, seed):
        logits = tf.math.log_softmax(tf.cos(tf.range(6.0) * 9 * self._number(model)))
        own = tf.gather(logits, batch["tokens"])
        return {
            "log_likelihood": own,
            "token": batch["tokens"],
            "scored": tf.ones_like(batch["tokens"], tf.bool),
            "rank": tf.reduce_sum(tf.cast(logits > own[..., tf.newaxis], tf.int32), axis=-1),
        }

    def word_vectors(self, model):
        kernel = self.encoders(model)["first"].get_weights()[0].reshape(9, 3)
        return [f"w{n}" for n in range(WORDS)], np.cos(np.outer(np.arange(WORDS), kernel[0]))

    def swap(self, model, first, second):
        return first["video"]

    def _number(self, model):
        """A number between 0 and 1 that depends on the weights."""
        return tf.sigmoid(9 * tf.reduce_sum(self.encoders(model)["first"].weights[0]))


class Run:
    """What `evaluate` uses of a run."""

    folder, batch_size, history, config = None, 8, [], {"dataset": "toy"}

    def __init__(self, data):
        self.data, self.task = data, Everything()
        self.model = self.untrained_model(9)

    @property
    def encoders(self):
        return self.task.encoders(self.model)

    def untrained_model(self, seed):
        keras.utils.set_random_seed(seed)
        return self.task.build_model(None, None, self.data)

    def surrogate_metrics(self):
        return {"loss": 1.0}


def split(count, seed):
    generator = np.random.default_rng(seed)
    label = np.arange(count) % 2
    steps = np.linspace(0, 1, FRAMES)[np.newaxis, :, np.newaxis, np.newaxis, np.newaxis]
    video = generator.random((count, FRAMES, SIDE, SIDE, 1)) * 0.3 + 0.02 * steps
    video[label == 1, :, :6] += 0.01
    place = np.zeros((count, SIDE, SIDE), bool)
    place[:, 2:9, 2:9] = True
    masks = np.broadcast_to(place[:, np.newaxis, ..., np.newaxis], (count, FRAMES, SIDE, SIDE, 1))
    return ArraySplit(
        {
            "video": video.astype(np.float32),
            "views": np.stack([video, video**2], axis=1).astype(np.float32),
            "phase": np.tile([0, 0, 1, 1, 1], (count, 1)).astype(np.int32),
            "label": label,
            "anomaly": label,
            "place": place,
            "masks": masks.copy(),
            "flow": generator.normal(0, 4, (count, SIDE, SIDE, 2)).astype(np.float32),
            "tokens": generator.integers(0, 6, (count, 7)).astype(np.int32),
        }
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    pairs, questions = folder / "pairs.csv", folder / "questions.txt"
    pairs.write_text("".join(f"w{n},w{n + 1},{n * n % 7}\n" for n in range(WORDS - 1)))
    questions.write_text("".join(f"w{n} w{n + 1} w{n + 2} w{n + 3}\n" for n in range(WORDS - 3)))
    paths = {"word_similarity": pairs, "word_analogy": questions}
    probes = [f"{n}(path={str(paths[n])!r})" if n in paths else n for n in TABLE]
    return sslkeras.evaluate(Run(Given(split(8, 0), split(6, 1))), probes=probes, seeds=2)


def bare(name):
    return name.partition("(")[0]


def test_every_probe_of_the_core_stands_in_the_table():
    names = registry.probes.names()
    ours = {n for n in names if registry.probes.load(n).__module__.startswith("sslkeras.")}

    assert {bare(name) for name in TABLE} == ours


@pytest.mark.parametrize("name", TABLE)
def test_random_weights_and_the_raw_input_stand_beside_the_result(result, name):
    judges_raw, _ = TABLE[name]
    runs = result[bare(name)].runs

    assert set(runs) == {"pretrained", "random init"} | ({"raw input"} if judges_raw else set())
    for contender in runs:
        metrics = result[bare(name)].metrics(contender)
        assert metrics.keys() == result[bare(name)].metrics().keys()
        assert all(np.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("name", TABLE)
def test_several_seeds_give_a_mean_and_a_deviation(result, name):
    found = result[bare(name)]
    twice = found.summary("random init")

    assert [count for _, _, count in twice.values()] == [2] * len(twice)
    for metric, (mean, deviation, _) in twice.items():
        values = [run[metric] for run in found.runs["random init"]]
        assert mean == pytest.approx(np.mean(values))
        assert deviation == pytest.approx(np.std(values, ddof=1))


def test_the_deviation_over_seeds_is_printed(result):
    deviations = [d for probe in result.probes for _, d, _ in probe.summary("random init").values()]
    lines = [line for line in str(result).splitlines() if "±" in line]

    # A line more says what the sign means.
    assert len(lines) == len(deviations) + 1
    assert np.count_nonzero(deviations) > len(TABLE)


@pytest.mark.parametrize("name", [name for name, (_, trivial) in TABLE.items() if trivial])
def test_the_trivial_answer_stands_beside_its_metric(result, name):
    metrics, others = (result[bare(name)].metrics(c) for c in ("pretrained", "random init"))
    text = str(result)

    for metric, trivial in TABLE[name][1].items():
        assert metric in metrics
        assert trivial in text
        if "frozen" not in trivial and "nearest" not in trivial:
            # It knows nothing of the encoder.
            assert metrics[trivial] == pytest.approx(others[trivial])
