"""Retrieved neighbours as a grid: a query a row, what is most like it to its right."""

import numpy as np

from sslkeras.pictures.examples import examples_at
from sslkeras.pictures.inputs import input_cells, label_text
from sslkeras.pictures.sheet import BAD, GOOD, QUERY, Sheet

QUERIES, NEIGHBOURS = 8, 8


def draw_neighbours(
    subject, queries, bank, *, database, bank_rows=None, similarity="cosine", target="label"
):
    """The nearest items of some test examples, the nearest first.

    Args:
        subject: The `Subject`.
        queries: Features of the test split.
        bank: Features of the database.
        database: "train", or "test": then no query finds itself.
        bank_rows: Rows of the split that the bank holds; None for all of them.
        similarity: "cosine" or "euclidean".
        target: Feature with the class: items of the query's class are marked as good.
    """
    from sslkeras.evaluation.retrieval import ranked

    labels = subject.targets("test", target)
    chosen = spread(labels)
    order = next(ranked(queries[chosen], bank, similarity, size=len(chosen)))[1]
    if database == "test":  # Without the query itself.
        order = order[order != chosen[:, np.newaxis]].reshape(len(chosen), -1)
    found = order[:, :NEIGHBOURS]
    if bank_rows is not None:
        found = np.asarray(bank_rows)[found]
    return neighbour_sheet(subject, chosen, found, database=database, target=target)


def neighbour_sheet(subject, chosen, found, *, database, target="label"):
    """A sheet of queries and what was found for them.

    Args:
        subject: The `Subject`.
        chosen: int `(queries,)`, rows of the test split.
        found: int `(queries, items)`, rows of the database.
        database: "train" or "test".
        target: Feature with the class.
    """
    names = subject.data.label_names if target == "label" else None
    split = subject.split(database)
    asked = examples_at(subject.split("test"), chosen, (subject.feature,))[subject.feature]
    items = examples_at(split, found.ravel(), (subject.feature,))[subject.feature]
    own = subject.targets("test", target)[chosen]
    other = subject.targets(database, target)[found]
    vocabulary = subject.data.vocabulary
    texts = [label_text(label, names) for label in own]
    first = input_cells(asked, vocabulary=vocabulary, texts=texts, marks=[QUERY] * len(own))
    rest = input_cells(
        items,
        vocabulary=vocabulary,
        texts=[label_text(label, names) for label in other.ravel()],
        marks=[
            GOOD if np.array_equal(own[i], other[i, j]) else BAD
            for i in range(len(own))
            for j in range(found.shape[1])
        ],
    )
    width = found.shape[1]
    rows = [[cell, *rest[i * width : (i + 1) * width]] for i, cell in enumerate(first)]
    return Sheet(
        rows,
        columns=["test example", "nearest", *map(str, range(2, width + 1))],
        title=f"Nearest {database} examples ({subject.name})",
    )


def spread(labels, count=QUERIES):
    """Rows of `count` examples, of as many classes as there are, each class's first ones first.

    Args:
        labels: `(examples, ...)`.
        count: At most.

    Returns:
        int `(rows,)`, sorted by class.
    """
    labels = np.asarray(labels)
    _, classes = np.unique(labels, axis=0 if labels.ndim > 1 else None, return_inverse=True)
    classes = classes.reshape(-1)
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], classes[order])
    turn = np.arange(len(order)) - starts  # The how manieth of its class.
    taken = order[np.argsort(turn, kind="stable")][:count]
    return taken[np.argsort(classes[taken], kind="stable")]
