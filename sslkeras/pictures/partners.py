"""Partners of another modality: a query a row, what is most like it to its right."""

import numpy as np

from sslkeras.pictures.examples import examples_at
from sslkeras.pictures.inputs import input_cells, label_text
from sslkeras.pictures.sheet import BAD, GOOD, QUERY, Sheet

QUERIES, ITEMS = 8, 6


def draw_partners(first, second, queries, bank, names, classes=None):
    """Test examples as one encoder reads them, and what they find as the other reads it.

    Args:
        first: `Subject` of the encoder of the queries.
        second: `Subject` of the encoder of what is looked for.
        queries: Features of the first.
        bank: Features of the second, in the same order.
        names: Names of both encoders.
        classes: Classes of the pairs, `(pairs,)`, or None: then the partner alone is right.
    """
    from sslkeras.evaluation.retrieval import ranked

    chosen = np.unique(np.linspace(0, len(queries) - 1, QUERIES).round().astype(int))
    order = next(ranked(queries[chosen], bank, "cosine", size=len(chosen)))[1]
    ranks = np.argmax(order == chosen[:, np.newaxis], axis=1) + 1
    found = order[:, :ITEMS]
    test = first.split("test")
    asked = examples_at(test, chosen, (first.feature,))[first.feature]
    items = examples_at(test, found.ravel(), (second.feature,))[second.feature]
    pairs = [(own, row) for own, rows in zip(chosen, found, strict=True) for row in rows]

    def class_of(row):
        return "" if classes is None else f"{label_text(classes[row], first.data.label_names)}, "

    left = input_cells(
        asked,
        vocabulary=first.data.vocabulary,
        texts=[f"{class_of(row)}partner is no. {rank}" for row, rank in zip(chosen, ranks)],
        marks=[QUERY] * len(chosen),
    )
    right = input_cells(
        items,
        vocabulary=first.data.vocabulary,
        texts=[
            f"{class_of(row)}{'the partner' if row == own else f'example {row}'}"
            for own, row in pairs
        ],
        marks=[
            GOOD if row == own or classes is not None and classes[row] == classes[own] else BAD
            for own, row in pairs
        ],
    )
    width = found.shape[1]
    rows = [[cell, *right[i * width : (i + 1) * width]] for i, cell in enumerate(left)]
    return Sheet(
        rows,
        columns=[names[0], f"nearest of {names[1]}", *map(str, range(2, width + 1))],
        title=f"From '{names[0]}' to '{names[1]}' ({first.name})",
    )
