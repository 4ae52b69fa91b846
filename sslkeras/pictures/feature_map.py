"""Held-out features in two dimensions: what the encoder holds to be alike lies together."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from sslkeras import report
from sslkeras.errors import DataError
from sslkeras.evaluation.evaluate import dataset_name
from sslkeras.evaluation.probe import PRETRAINED, Subject
from sslkeras.pictures.canvas import PALETTE, new_figure, save, style
from sslkeras.pictures.examples import main_encoder, read_by

# t-SNE of more points takes minutes and shows no more.
_MOST_POINTS = 1000
_MOST_CLASSES = 20


def draw(run, folder, examples, seed):
    """Writes feature_map.png: PCA and t-SNE, coloured by label where there are labels."""
    name, encoder = main_encoder(run)
    try:
        subject = Subject(PRETRAINED, run.data, read_by(run), encoder)
        features = _unit_length(subject.features("test"))
    except DataError as error:
        report.warn(f"The picture 'feature_map' is left out. {error}")
        return []
    labels = _labels(subject)
    if len(features) < 4:
        report.warn(
            f"The picture 'feature_map' is left out: it needs 4 held-out examples, there are "
            f"{len(features)}."
        )
        return []
    if len(features) > _MOST_POINTS:
        rows = np.sort(np.random.default_rng(seed).permutation(len(features))[:_MOST_POINTS])
        features = features[rows]
        labels = None if labels is None else labels[rows]

    figure = new_figure(11.5 if labels is not None else 10.0, 5.0)
    data = dataset_name(run, run.data)
    figure.suptitle(
        f"{len(features)} held-out examples of {data}: features of '{name}', of unit length",
        fontsize=12,
    )
    left, right = figure.subplots(1, 2)
    pca = PCA(2) if features.shape[1] > 1 else None
    points = pca.fit_transform(features) if pca else np.repeat(features, 2, axis=1)
    shares = np.nan_to_num(pca.explained_variance_ratio_) if pca else (1.0, 1.0)
    _scatter(left, points, labels, run.data.label_names)
    left.set_title("PCA")
    left.set_xlabel(f"first component ({shares[0]:.0%} of variance)")
    left.set_ylabel(f"second component ({shares[1]:.0%} of variance)")
    perplexity = min(30.0, (len(features) - 1) / 3)
    embedded = TSNE(2, perplexity=perplexity, init="pca" if pca else "random", random_state=seed)
    # Threads that wait for each other cost more than they help on a shared machine.
    with threadpool_limits(1, "openmp"):
        points = embedded.fit_transform(features)
    _scatter(right, points, labels, run.data.label_names)
    right.set_title("t-SNE (distances between far groups mean nothing)")
    right.set_xticks([])
    right.set_yticks([])
    handles, names = right.get_legend_handles_labels()
    if handles:
        figure.legend(handles, names, loc="outside right center", frameon=False, markerscale=1.8)
    return [save(figure, folder, "feature_map")]


def _unit_length(features):
    """As k-NN compares features: without their length, which is often mere brightness."""
    length = np.linalg.norm(features, axis=-1, keepdims=True)
    return features / np.where(length == 0.0, 1.0, length)


def _labels(subject):
    """The classes of the test split, or None if it has none."""
    try:
        labels = subject.targets("test", "label")
    except DataError:
        return None
    is_class = labels.ndim == 1 and not np.issubdtype(labels.dtype, np.floating)
    return labels if is_class else None


def _scatter(axes, points, labels, label_names):
    size = float(np.clip(6000 / len(points), 9, 40))
    axes.spines[["top", "right"]].set_visible(False)
    if labels is None:
        axes.scatter(*points.T, s=size, color=PALETTE[0], alpha=0.7, linewidths=0)
        return
    classes, counts = np.unique(labels, return_counts=True)
    shown = np.sort(classes[np.argsort(-counts, kind="stable")[:_MOST_CLASSES]])
    if len(shown) < len(classes):
        rest = ~np.isin(labels, shown)
        axes.scatter(*points[rest].T, s=size, color="0.8", linewidths=0, label="other classes")
    for index, one in enumerate(shown):
        color, marker = style(index)
        axes.scatter(
            *points[labels == one].T,
            s=size,
            color=color,
            marker=marker,
            alpha=0.8,
            linewidths=0,
            label=_name(one, label_names),
        )


def _name(label, label_names):
    if isinstance(label, bytes):
        return label.decode(errors="replace")
    if label_names is not None and 0 <= int(label) < len(label_names):
        return str(label_names[int(label)])
    return str(label)
