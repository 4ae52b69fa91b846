"""The probes beside scikit-learn's own, in seconds and memory, at equal answers.

    python benchmarks/probes.py

k-NN: 50,000 x 512 features as the bank, 5,000 queries, k = 200, against
`KNeighborsClassifier(metric="cosine", algorithm="brute")` with the same weights
exp(similarity / temperature). Linear: 20,000 x 512 features of 10 classes against
`LogisticRegression` on standardised features. Each is measured `--repeats` times in turn and
the best counts; memory is the peak above what was held before, in a process of its own.
"""

import multiprocessing
import os
import resource
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
from absl import app, flags  # noqa: E402

flags.DEFINE_integer("repeats", 2, "Measurements of each.")
flags.DEFINE_integer("bank", 50_000, "Rows of the k-NN bank.")
flags.DEFINE_integer("queries", 5_000, "Queries of k-NN.")
flags.DEFINE_integer("rows", 20_000, "Rows of the linear probe.")
FLAGS = flags.FLAGS
DIMENSIONS, CLASSES, K, TEMPERATURE = 512, 10, 200, 0.07


def blobs(rows, seed, spread=6.0):
    """Classes that overlap, so that the answers are not all the same."""
    centres = np.random.RandomState(0).randn(CLASSES, DIMENSIONS)
    random = np.random.RandomState(seed)
    truth = random.randint(0, CLASSES, rows)
    return (centres[truth] + spread * random.randn(rows, DIMENSIONS)).astype(np.float32), truth


def our_knn(bank, truth, queries):
    from sslkeras.evaluation.knn import votes

    return votes(bank, truth, queries, CLASSES, K, TEMPERATURE).argmax(axis=-1)


def their_knn(bank, truth, queries):
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(
        K, metric="cosine", algorithm="brute", weights=lambda d: np.exp(-d / TEMPERATURE)
    )
    return model.fit(bank, truth).predict(queries)


def our_linear(features, truth, test):
    from sslkeras.evaluation.logistic import fit_logistic
    from sslkeras.evaluation.moments import standardiser

    standardise = standardiser(features)
    scores = fit_logistic(standardise(features), truth, 1.0, CLASSES, print)
    return scores(standardise(test)).argmax(axis=-1)


def their_linear(features, truth, test):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))
    return model.fit(features, truth).predict(test)


def measured(function, data, queue):
    """Seconds, MiB above the data and the answers, sent from a process of its own."""
    function(*(part[:300] for part in data))  # Imports and first calls.
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    answers = function(*data)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put((seconds, (peak - held) / 1024, answers))


def in_own_process(function, data):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=measured, args=(function, data, queue))
    process.start()
    result = queue.get()
    process.join()
    return result


def compared(title, ours, theirs, data):
    best = {}
    for _ in range(FLAGS.repeats):
        for function in (ours, theirs):
            result = in_own_process(function, data)
            if function not in best or result[0] < best[function][0]:
                best[function] = result
    (us, our_peak, our_answers), (they, their_peak, their_answers) = best[ours], best[theirs]
    agreement = (our_answers == their_answers).mean()
    print(
        f"{title:<36}{us:>9.2f}{they:>14.2f}{they / us:>8.1f}{our_peak:>10.0f}{their_peak:>10.0f}"
        f"{agreement:>11.2%}",
        flush=True,
    )


def main(_):
    print(
        f"{'':<36}{'sslkeras':>9}{'scikit-learn':>14}{'ratio':>8}{'MiB ours':>10}{'theirs':>10}"
        f"{'same answer':>13}"
    )
    queries, _ = blobs(FLAGS.queries, 2)
    compared(
        f"k-NN {FLAGS.bank} x {DIMENSIONS}, {FLAGS.queries} queries",
        our_knn,
        their_knn,
        (*blobs(FLAGS.bank, 1), queries),
    )
    compared(
        f"linear {FLAGS.rows} x {DIMENSIONS} x {CLASSES}",
        our_linear,
        their_linear,
        (*blobs(FLAGS.rows, 1, spread=9.0), queries),
    )


if __name__ == "__main__":
    app.run(main)
