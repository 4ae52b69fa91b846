"""`skipgram` and `missing_word` beside gensim's word2vec: words a second, and what they are worth.

    python benchmarks/word2vec.py                          # the documentation of packages
    python benchmarks/word2vec.py --data=FOLDER            # its texts, a document a line
    python benchmarks/word2vec.py --part=steps             # what each part of the pace brings
    python benchmarks/word2vec.py --part=memory            # a vocabulary of a million words

FOLDER holds texts (.txt, .text, .gz, also in sub-folders) and, if it is there, wordsim353.tsv;
otherwise gensim's copy of the list is used. The documentation has only 53 of its pairs: too few to
tell anything but the pace. Both sides get the same tokens, of which gensim takes
what a window of the dataset holds of a document for a sentence, and the same settings:
vectors of 100, dynamic windows of 5 words, 5 words of noise, subsampling at 1e-3, a rate that
falls linearly. gensim trains in two threads; ours computes in one, or in as many as --hogwild
says, and makes its data in others.
They train in turn, once for each seed.

Words are those of the text before subsampling. A pace is that of the middle one of all epochs,
since what else the machine does comes and goes; the first calls of a training, which build the
graph, are told apart, as is gensim's counting of words. Words a second of processor time say the
same with the pauses left out.
"""

import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import contextlib  # noqa: E402
import json  # noqa: E402
import logging  # noqa: E402
import pathlib  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
import unittest.mock  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import app, flags  # noqa: E402

import sslkeras  # noqa: E402
from sslkeras.datasets import ArraySplit, Given  # noqa: E402
from sslkeras.datasets.docstrings import Docstrings  # noqa: E402
from sslkeras.datasets.text_files import TextFiles  # noqa: E402
from sslkeras.evaluation.word_lists import read_pairs  # noqa: E402
from sslkeras.evaluation.word_similarity import spearman  # noqa: E402
from sslkeras.evaluation.word_vectors import WordVectors  # noqa: E402
from sslkeras.training import surrogate_model  # noqa: E402

flags.DEFINE_enum("part", "speed", ["speed", "steps", "memory"], "What to measure.")
flags.DEFINE_string("data", None, "Folder of texts; None: the documentation of packages.")
flags.DEFINE_multi_enum(
    "task", ["skipgram", "missing_word"], ["skipgram", "missing_word"], "Of us."
)
flags.DEFINE_integer("epochs", 5, "Passes over the text.")
flags.DEFINE_integer("seeds", 3, "Trainings of each side.")
flags.DEFINE_integer("length", 256, "Words in a text of a batch.")
flags.DEFINE_integer("batch", 4, "Texts in a batch.")
flags.DEFINE_integer("op_threads", 1, "Of one operation of ours; 0: as many as TensorFlow likes.")
flags.DEFINE_integer("hogwild", 1, "Steps of ours at the same time.", lower_bound=1)
flags.DEFINE_integer("shared", 32, "Words of noise that a batch shares.")
flags.DEFINE_integer("steps", 1500, "--part=steps: of each way to train.")
flags.DEFINE_integer("words", 1_000_000, "--part=memory: size of the vocabulary.")
flags.DEFINE_integer("width", 300, "--part=memory: of the vectors.")
flags.DEFINE_string("json", None, "Where to write the figures as JSON.")

FLAGS = flags.FLAGS
WARM_UP = 100
# gensim's and the released code's, where each neighbour gets the whole gradient of their mean.
THEIR_RATE = {"skipgram": 0.025, "missing_word": 0.05}
OUR_RATE = {"skipgram": 0.025, "missing_word": 0.1}


def texts():
    """The dataset, and the path of the list of word pairs."""
    rules = {
        "pack": True,
        "length": FLAGS.length,
        "test_fraction": 0.01,
        "punctuation": False,
        "numbers": "drop",
        "rare": "drop",
    }
    listed = pathlib.Path(FLAGS.data or "", "wordsim353.tsv")
    if FLAGS.data and listed.is_file():
        pairs = listed
    else:
        from gensim.test.utils import datapath

        pairs = datapath("wordsim353.tsv")
    if FLAGS.data:
        return TextFiles(FLAGS.data, documents="lines", **rules), pairs
    return Docstrings(**rules), pairs


def sentences_of(data):
    """What the windows of the dataset hold of each document, as lists of words."""
    words = np.array(data.vocabulary, object)
    found = []
    for batch in data.train.batches(256, only=("tokens", "document")):
        for tokens, document in zip(batch["tokens"].numpy(), batch["document"].numpy()):
            found += np.split(words[tokens], np.flatnonzero(np.diff(document)) + 1)
    return [list(sentence) for sentence in found]


class Stopwatch(keras.callbacks.Callback):
    """Notes steps done, time and processor time at the end of each call of the graph."""

    def __init__(self):
        super().__init__()
        self._supports_tf_logs = True
        self.marks = []
        self._done = self._next = 0

    def on_train_batch_begin(self, batch, logs=None):
        self._next = self.model.steps_in_next_call()

    def on_train_batch_end(self, batch, logs=None):
        self._done += self._next
        self.marks.append((self._done, time.perf_counter(), time.process_time()))

    def between(self, first, last):
        """Steps, seconds and seconds of the processor from about step `first` to `last`."""
        begin = next(mark for mark in self.marks if mark[0] >= first)
        end = [mark for mark in self.marks if mark[0] <= last][-1]
        return tuple(b - a for a, b in zip(begin, end))


def train(task, data, *, seed=0, **settings):
    """One run of ours: the run, its stopwatch, and when it began."""
    watch, began = Stopwatch(), time.perf_counter()
    run = sslkeras.pretrain(
        task,
        data,
        batch_size=FLAGS.batch,
        schedule="linear(final=1e-4)",
        validate_every=0,
        seed=seed,
        callbacks=[watch],
        **{"optimizer": "sgd", "hogwild": FLAGS.hogwild, **settings},
    )
    return run, watch, began


def with_noise(task):
    return f"{task}(shared_negatives={FLAGS.shared})"


def ours(task, data, seed):
    run, watch, began = train(
        with_noise(task), data, seed=seed, epochs=FLAGS.epochs, learning_rate=OUR_RATE[task]
    )
    size = watch.marks[-1][0] // FLAGS.epochs
    paces = []
    for epoch in range(FLAGS.epochs):
        first = WARM_UP if epoch == 0 else epoch * size
        paces.append(pace(*watch.between(first, (epoch + 1) * size)))
    preparing = watch.marks[0][1] - began
    return paces, preparing, WordVectors(*run.task.word_vectors(run.model))


def pace(steps, seconds, processor):
    words = steps * FLAGS.batch * FLAGS.length
    return words / seconds, words / processor


def theirs(task, data, seed):
    from gensim.models import Word2Vec
    from gensim.models.callbacks import CallbackAny2Vec

    sentences = sentences_of(data)
    total = sum(map(len, sentences))

    class Epochs(CallbackAny2Vec):
        def __init__(self):
            self.paces = []

        def on_epoch_begin(self, model):
            self.began = time.perf_counter(), time.process_time()

        def on_epoch_end(self, model):
            seconds = time.perf_counter() - self.began[0]
            self.paces.append((total / seconds, total / (time.process_time() - self.began[1])))

    rate, watch = THEIR_RATE[task], Epochs()
    model = Word2Vec(
        vector_size=100,
        window=5,
        min_count=1,  # The rare words are gone already.
        sample=1e-3,
        negative=5,
        sg=int(task == "skipgram"),
        alpha=rate,
        min_alpha=1e-4 * rate,
        workers=2,
        seed=seed + 1,
    )
    began = time.perf_counter()
    model.build_vocab(sentences)
    preparing = time.perf_counter() - began
    model.train(sentences, total_examples=len(sentences), epochs=FLAGS.epochs, callbacks=[watch])
    return watch.paces, preparing, WordVectors(model.wv.index_to_key, model.wv.vectors)


def judged(vectors, pairs):
    """Spearman's correlation, and how many pairs are known."""
    known = [pair for pair in pairs if pair[0] in vectors and pair[1] in vectors]
    first, second, human = zip(*known)
    return spearman(human, (vectors.rows(first) * vectors.rows(second)).sum(axis=-1)), len(known)


def speed():
    data, listed = texts()
    pairs = read_pairs(listed)
    print(f"{data.token_counts.sum()} words of {len(data.vocabulary)} kinds")
    found = {}
    for task in FLAGS.task:
        sides = {"sslkeras": ours, "gensim": theirs}
        paces, preparing, scores = ({side: [] for side in sides} for _ in range(3))
        for seed in range(FLAGS.seeds):
            for side, trained in sides.items():
                their_paces, seconds, vectors = trained(task, data, seed)
                score, known = judged(vectors, pairs)
                paces[side] += their_paces
                preparing[side].append(seconds)
                scores[side].append(score)
                print(f"{task} {side} seed {seed}: Spearman {score:.3f}", flush=True)
        found[task] = {
            side: {
                "words_per_second": statistics.median(wall for wall, _ in paces[side]),
                "words_per_processor_second": statistics.median(cpu for _, cpu in paces[side]),
                "seconds_before": statistics.median(preparing[side]),
                "spearman": scores[side],
            }
            for side in sides
        }
        for side, figures in found[task].items():
            print(
                f"{task} {side}: {figures['words_per_second']:.0f} words/s, "
                f"{figures['words_per_processor_second']:.0f} a second of the processor, "
                f"{figures['seconds_before']:.1f} s before; Spearman "
                f"{statistics.fmean(figures['spearman']):.3f} on {known} pairs"
            )
        for name in ("words_per_second", "words_per_processor_second"):
            ratio = found[task]["sslkeras"][name] / found[task]["gensim"][name]
            found[task][f"ratio of {name}"] = ratio
            print(f"{task} ratio of {name}: {ratio:.2f}", flush=True)
    return found


def added_up():
    """Adds up the rows of each word before they are subtracted, as Keras's optimizers do."""
    return unittest.mock.patch.object(surrogate_model, "is_plain_descent", lambda _: False)


def made_dense():
    """Makes gradients as large as their tables."""
    plain = surrogate_model.descend

    def descend(optimizer, pairs):
        plain(optimizer, [(tf.convert_to_tensor(g), v) for g, v in pairs])

    return unittest.mock.patch.object(surrogate_model, "descend", descend)


def steps():
    """Each way to train takes one thing away."""
    data, _ = texts()
    shared = with_noise("{}")
    ways = {
        "as it is": (shared, {}, contextlib.nullcontext),
        "four times as much noise": (
            f"{{}}(shared_negatives={4 * FLAGS.shared})",
            {},
            contextlib.nullcontext,
        ),
        "pretext inside the step": (shared, {"pretext_on": "device"}, contextlib.nullcontext),
        "one step in each call": (shared, {"steps_per_execution": 1}, contextlib.nullcontext),
        "rows of a word added up first": (shared, {}, added_up),
        "gradients as large as the tables": (shared, {}, made_dense),
        "noise of each prediction's own": (
            "{}(shared_negatives=None)",
            {},
            contextlib.nullcontext,
        ),
    }
    found = {}
    for task in FLAGS.task:
        for way, (form, settings, patched) in ways.items():
            with patched():
                _, watch, _ = train(
                    form.format(task),
                    data,
                    steps=FLAGS.steps,
                    learning_rate=OUR_RATE[task],
                    **settings,
                )
            wall, cpu = pace(*watch.between(FLAGS.steps // 3, FLAGS.steps))
            found[f"{task}, {way}"] = wall, cpu
            print(f"{task}, {way}: {wall:.0f} words/s, {cpu:.0f} a processor second", flush=True)
    return found


class ManyWords(Given):
    """A stream of tokens of a vocabulary as large as is asked for; its words are numbers."""

    def __init__(self, words, length, texts):
        random = np.random.default_rng(0)
        # Zipf's law.
        upto = np.cumsum(1.0 / np.arange(1, words + 1))
        tokens = np.searchsorted(upto, random.random((texts, length)) * upto[-1]).astype(np.int32)
        self.token_counts = np.maximum(np.bincount(tokens.ravel(), minlength=words), 1)
        self.vocabulary = [str(number) for number in range(words)]
        frequency = (self.token_counts / self.token_counts.sum()).astype(np.float32)
        super().__init__(
            ArraySplit(
                {
                    "tokens": tokens,
                    "num_tokens": np.full(texts, length, np.int32),
                    "frequency": frequency[tokens],
                }
            )
        )


def memory():
    """Peak memory of a training beside that of the two tables, in MiB."""
    data = ManyWords(FLAGS.words, FLAGS.length, 4000)
    before = held()
    task = FLAGS.task[0]
    _, watch, _ = train(
        f"{task}(embedding_dim={FLAGS.width})",
        data,
        steps=FLAGS.steps,
        learning_rate=OUR_RATE[task],
    )
    tables = 2 * FLAGS.words * FLAGS.width * 4 / 2**20
    wall, _ = pace(*watch.between(WARM_UP, FLAGS.steps))
    found = {"before": before, "peak": held(), "tables": tables, "words_per_second": wall}
    print(
        f"{task}: {FLAGS.words} words x {FLAGS.width}: peak {found['peak']:.0f} MiB, of which "
        f"{before:.0f} before training and {tables:.0f} the tables; {wall:.0f} words/s"
    )
    return found


def held():
    """Most memory that this process has held, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(_):
    # Operations so small are slower in two threads, and the data are made beside them. Steps at
    # the same time need a thread each.
    tf.config.threading.set_intra_op_parallelism_threads(FLAGS.op_threads)
    tf.config.threading.set_inter_op_parallelism_threads(FLAGS.op_threads and FLAGS.hogwild)
    logging.getLogger("gensim").setLevel(logging.WARNING)
    found = {"speed": speed, "steps": steps, "memory": memory}[FLAGS.part]()
    if FLAGS.json:
        pathlib.Path(FLAGS.json).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    app.run(main)
