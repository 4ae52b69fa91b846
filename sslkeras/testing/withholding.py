"""What is to be predicted cannot be read off the input."""

import numpy as np
import tensorflow as tf

from sslkeras.testing.broken_contract import NotApplicableError, require
from sslkeras.testing.comparison import arrays
from sslkeras.training.pipeline import pretext_seed

_MOST_EXAMPLES, _LEAST_EXAMPLES = 384, 96
_MOST_ELEMENTS = 3_000_000
_MOST_CLASSES = 32
_MOST_INPUTS, _MOST_TARGETS = 4096, 256
# Of the variance of the targets; on noise a reader that learns nothing explains less than 0.
_EXPLAINED = 0.1


def check_targets_are_withheld(subject):
    """No target is an input; where `targets_in_inputs` is "none", noise tells nothing of it."""
    shown = subject.task.targets_in_inputs
    require(
        shown in ("none", "some", "all"),
        "`targets_in_inputs` must be 'none', 'some' or 'all'.",
        repr(shown),
        "Declare one of them in the class.",
    )
    if shown == "all":
        raise NotApplicableError("The task says that its inputs may show all of the targets.")
    for stage, pretext in subject.pretexts():
        inputs, targets, *_ = pretext(subject.raw_batches[0], pretext_seed(0, 1))
        for number, target in enumerate(arrays(targets)):
            for place, given in enumerate(arrays(inputs)):
                share = _share_of_copies(target, given)
                require(
                    share <= 0.5,
                    "No target may be an input, or a part of one, as it stands.",
                    f"target {number} is in input {place} for {share:.0%} of the examples"
                    + (f" (stage '{stage}')" if stage else ""),
                    "Take it out of the input, or declare `targets_in_inputs = 'all'` if the "
                    "task withholds something else.",
                )
        if shown == "none":
            _require_unreadable(subject, stage, pretext)


def _share_of_copies(target, given):
    """In what share of the examples `target` is a slice or window of `given`."""
    if target.ndim < 2 or len(target) != len(given) or target[0].size < 2:
        return 0.0
    examples = [one for one in range(len(target)) if np.ptp(target[one].astype(float)) > 0]
    if not examples or target.dtype != given.dtype:
        return 0.0
    return float(np.mean([_is_part(target[one], given[one]) for one in examples]))


def _is_part(small, large):
    if small.shape == large.shape:
        return np.array_equal(small, large)
    if large.ndim == small.ndim + 1:
        # A frame of a clip, a view, a channel.
        for axis in range(large.ndim):
            if large.shape[:axis] + large.shape[axis + 1 :] == small.shape and any(
                np.array_equal(small, part) for part in np.moveaxis(large, axis, 0)
            ):
                return True
        return False
    if large.ndim != small.ndim:
        return False
    wider = [axis for axis in range(small.ndim) if small.shape[axis] != large.shape[axis]]
    if len(wider) != 1 or large.shape[wider[0]] < small.shape[wider[0]]:
        return False
    (axis,) = wider
    size = small.shape[axis]
    return any(
        np.array_equal(small, np.take(large, range(start, start + size), axis))
        for start in range(large.shape[axis] - size + 1)
    )


def _require_unreadable(subject, stage, pretext):
    """Trains linear readers on noise, of which nothing but the pretext itself can tell."""
    inputs, targets, *_ = pretext(_noise(subject.raw_batches), pretext_seed(0, 3))
    given = [value.reshape(len(value), -1) for value in arrays(inputs) if value.dtype.kind in "fiu"]
    readers = {
        "all values of the inputs": _thinned(np.concatenate(given, axis=1), _MOST_INPUTS),
        "simple figures of the inputs (means, extremes, first and last values)": _figures(given),
    }
    for number, target in enumerate(arrays(targets)):
        wanted = _quantities(target)
        if wanted is None:
            continue
        for what, features in readers.items():
            explained = _explained(features.astype(np.float64), wanted)
            require(
                explained < _EXPLAINED,
                "Of noise, which has no structure, the inputs must tell nothing of the targets.",
                f"{explained:.0%} of target {number} read off {what} by a linear reader"
                + (f" (stage '{stage}')" if stage else ""),
                "Look for what the pretext leaves behind: borders, fill values, order, shape, a "
                "copy. If that is the task, declare `targets_in_inputs = 'some'`.",
            )


def _noise(batches):
    """Raw batches' own values in random places."""
    random = np.random.default_rng(0)
    pools = {
        name: np.concatenate([np.asarray(batch[name]) for batch in batches]) for name in batches[0]
    }
    size = max(pool[0].size for pool in pools.values())
    count = int(np.clip(_MOST_ELEMENTS // size, _LEAST_EXAMPLES, _MOST_EXAMPLES))
    return {
        name: tf.constant(random.choice(pool.ravel(), (count, *pool.shape[1:])))
        for name, pool in pools.items()
    }


def _quantities(target):
    """float `(examples, quantities)`: classes as zeros and ones; None if nothing varies."""
    if target.dtype.kind not in "fiub":
        return None
    flat = _thinned(target.reshape(len(target), -1), _MOST_TARGETS)
    if target.dtype.kind != "f" and len(np.unique(flat)) <= _MOST_CLASSES:
        classes = [flat == one for one in np.unique(flat)]
        flat = np.concatenate([*classes, flat], axis=1)
    flat = flat.astype(np.float64)
    flat = flat[:, flat.std(axis=0) > 1e-9]
    return flat if flat.size else None


def _figures(given):
    parts = []
    for flat in given:
        flat = flat.astype(np.float64)
        figures = (flat.mean(1), flat.std(1), flat.min(1), flat.max(1), flat[:, 0], flat[:, -1])
        parts.append(np.stack(figures, axis=1))
    values = _standard(np.concatenate(parts, axis=1))
    return np.concatenate([values, values**2], axis=1)


def _explained(features, wanted):
    """Share of the variance of other examples that ridge regression explains."""
    features, half = _standard(features), len(features) // 2
    penalty = 1e-3 * len(features) + 0.05 * features.shape[1]
    train, test = features[:half], features[half:]
    mean, scale = wanted[:half].mean(axis=0), wanted.std(axis=0)
    centred = (wanted - mean) / scale
    dual = np.linalg.solve(train @ train.T + penalty * np.eye(half), centred[:half])
    left = centred[half:] - test @ (train.T @ dual)
    return 1 - np.mean(left**2) / max(np.mean(centred[half:] ** 2), 1e-12)


def _standard(values):
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)


def _thinned(values, most):
    step = -(-values.shape[1] // most)
    return values[:, ::step]
