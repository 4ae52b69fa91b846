"""Which training examples keep their label: stratified subsets, one inside the other."""

import numpy as np

from sslkeras.errors import DataError
from sslkeras.hyperparameters import AnyOf, Integer, Real

# 1 is one label, 1.0 is all of them.
LABELS = AnyOf(Integer(1, unit="examples"), Real(0, 1, closed="right", unit="fraction"))


def subset(targets, amount, seed):
    """Rows that keep their label.

    Subsets are nested: with one seed, those of a smaller `amount` are among those of a
    larger one. Classes keep their shares to within one example, and each has at least one.
    Float targets (regression) are drawn without strata.

    Args:
        targets: `(examples, ...)`; integers or strings are classes.
        amount: None for all, a float in (0, 1] for a fraction, an integer for a count.
        seed: Integer.

    Returns:
        int64 `(chosen,)`, increasing.

    Raises:
        DataError: If `amount` is more than there are examples, or a count smaller than the
            number of classes.
    """
    targets = np.asarray(targets)
    total = len(targets)
    if amount is None:
        return np.arange(total)
    if np.issubdtype(targets.dtype, np.floating):
        classes = np.zeros(total, np.int64)
    else:
        classes = np.unique(targets, return_inverse=True)[1]
    num_classes = int(classes.max()) + 1
    if isinstance(amount, float):
        count = max(round(amount * total), num_classes)
    else:
        count = amount
        if not num_classes <= count <= total:
            raise DataError(
                f"A subset of labels must have at least one a class ({num_classes}) and at most "
                f"as many as there are ({total}). Received: labels={count}. Choose a number in "
                "between, or a fraction such as labels=0.1."
            )
    # An example's rank within its class, as a share of the class, is its place in line:
    # each prefix of that line has the classes' shares. The first of each class goes before.
    place = np.empty(total)
    generator = np.random.default_rng(seed)
    for one in range(num_classes):
        members = generator.permutation(np.flatnonzero(classes == one))
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
        place[members[0]] = -1.0
    return np.sort(np.lexsort((classes, place))[:count])


def describe(amount) -> str:
    """How results name a subset: "30 labels", "1% of labels", "all labels"."""
    if amount is None or (isinstance(amount, float) and amount == 1.0):
        return "all labels"
    if isinstance(amount, float):
        return f"{100 * amount:g}% of labels"
    return f"{amount} labels"
