"""Features for the Projector tab of TensorBoard: points in space, each with its picture.

The files are those that the Embedding Projector reads (D. Smilkov et al., Embedding Projector:
Interactive Visualization and Interpretation of Embeddings, 2016,
https://arxiv.org/abs/1611.05469).
"""

import contextlib
import math
import os
import pathlib

import numpy as np
from PIL import Image

from sslkeras import report
from sslkeras.errors import ConfigurationError, RunError
from sslkeras.evaluation import feature_store
from sslkeras.evaluation.evaluate import as_run, dataset_name, encoder_name, encoder_reads
from sslkeras.evaluation.features import check_pooling, feature_for, target_names
from sslkeras.evaluation.fingerprints import DataFingerprints
from sslkeras.evaluation.probe import PRETRAINED, Subject
from sslkeras.evaluation.word_vectors import WordVectors

# The browser holds all points, and computes t-SNE and UMAP of 10,000 at most.
POINTS, MOST_POINTS = 10_000, 100_000
# Pixels: TensorBoard refuses larger sprites; a picture in it is never larger than this.
LARGEST_SPRITE, LARGEST_PICTURE = 8192, 64
_TENSORS, _METADATA, _SPRITE = "tensors.tsv", "metadata.tsv", "sprite.png"
_ROWS = 1024  # Of features, written at a time.


def export_projector(
    run, folder, *, split="test", encoder=None, pooling="mean", points=POINTS, seed=0
) -> pathlib.Path:
    """Writes the features of a split so that `tensorboard --logdir FOLDER` shows them.

    | File | Content |
    | --- | --- |
    | `tensors.tsv` | a point a line, float32 values that read back exactly |
    | `metadata.tsv` | label (by name), other single values, row in the split, text |
    | `sprite.png` | the pictures of the points in a square, if they can be drawn |
    | `projector_config.pbtxt` | what belongs together |

    A task with word vectors gives these instead, with the words. Pictures are squares of the
    same size: at most 64 pixels, and less where more than 128 of them would stand in a row,
    so that the sprite is never larger than 8192 pixels. Smaller images are enlarged by a whole
    number. Of clips the middle frame is shown, of sound its waveform or spectrogram.

    Args:
        run: A `Run`, or its folder.
        folder: Where to write; made if it is not there.
        split: "train" or "test".
        encoder: Name of one of the run's encoders; None for the first.
        pooling: How maps become vectors, as in `evaluate`.
        points: At most so many examples, from 1 to 100,000, drawn at random; of words the most
            frequent.
        seed: Which examples.

    Returns:
        `folder`.

    Raises:
        ConfigurationError: If an argument is wrong.
        DataError: If the data lacks what the encoder reads, or features are not finite.
        RunError: If the files cannot be written.
    """
    if split not in ("train", "test"):
        raise ConfigurationError(
            f"`split` must be 'train' or 'test'. Received: split={split!r}. Name one of the two."
        )
    if isinstance(points, bool) or not isinstance(points, int) or not 1 <= points <= MOST_POINTS:
        raise ConfigurationError(
            f"`points` must be an integer from 1 to {MOST_POINTS}, as many as a browser can hold. "
            f"Received: points={points!r}. Choose fewer."
        )
    check_pooling(pooling)
    run = as_run(run)
    name = encoder_name(run, encoder)
    if hasattr(run.task, "word_vectors"):
        words, matrix = run.task.word_vectors(run.model)
        vectors = WordVectors(words, matrix)
        columns = {"word": vectors.words[:points]}
        return write_projector(folder, "word vectors", np.asarray(matrix)[:points], columns)
    data, feature = run.data, encoder_reads(run)[name]
    feature = feature_for(run.encoders[name], getattr(data, split), feature)
    kept_in = run.folder and pathlib.Path(run.folder, feature_store.FOLDER)
    subject = Subject(
        PRETRAINED,
        data,
        feature,
        run.encoders[name],
        pooling=pooling,
        batch_size=run.batch_size or 256,
        store=feature_store.FeatureStore(kept_in),
        fingerprints=DataFingerprints(data),
    )
    features = subject.features(split)
    rows = np.arange(len(features))
    if len(rows) > points:
        rows = np.sort(np.random.default_rng(seed).permutation(len(rows))[:points])
        report.say(f"{points} of {len(features)} examples are written, drawn at random.")
    columns = _columns(subject, split, rows)
    pictures, texts = _pictures(subject.split(split), feature, rows, data.vocabulary)
    if any(texts):
        columns["text"] = texts
    title = f"{name} on {dataset_name(run, data)}, {split}"
    return write_projector(folder, title, features, columns, pictures=pictures, rows=rows)


def write_projector(folder, name, features, columns, *, pictures=None, rows=None) -> pathlib.Path:
    """Writes points in the form that TensorBoard's projector reads.

    Args:
        folder: Where to write; made if it is not there.
        name: What the projector calls these points.
        features: float32 `(examples, features)`.
        columns: Values `(points,)` by name, the one that labels the points first.
        pictures: uint8 `(points, height, width, 3)`, or None.
        rows: int `(points,)`, which rows of `features`; None for all.

    Returns:
        `folder`.

    Raises:
        RunError: If the files cannot be written.
    """
    from tensorboard.plugins import projector

    folder = pathlib.Path(folder)
    rows = np.arange(len(features)) if rows is None else rows
    config = projector.ProjectorConfig()
    points = config.embeddings.add()
    points.tensor_name, points.tensor_path, points.metadata_path = name, _TENSORS, _METADATA
    points.tensor_shape.extend([len(rows), features.shape[1]])
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # The reader takes a binary file for text if its bytes happen to be text: zeros are.
        with open(folder / _TENSORS, "w", encoding="ascii") as file:
            for start in range(0, len(rows), _ROWS):
                part = features[rows[start : start + _ROWS]]
                np.savetxt(file, part, fmt="%.9g", delimiter="\t")
        (folder / _METADATA).write_text(_as_tsv(columns), encoding="utf-8")
        if pictures is not None:
            Image.fromarray(sprite(pictures)).save(folder / _SPRITE)
            points.sprite.image_path = _SPRITE
            height, width = pictures.shape[1:3]
            points.sprite.single_image_dim.extend([width, height])
        projector.visualize_embeddings(os.fspath(folder), config)
    return folder


def sprite(pictures):
    """Pictures in rows of a square, from left to right, the rest white.

    Args:
        pictures: uint8 `(pictures, height, width, 3)`.

    Returns:
        uint8 `(rows * height, columns * width, 3)`.
    """
    count, height, width, channels = pictures.shape
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    cells = np.full((down * across, height, width, channels), 255, np.uint8)
    cells[:count] = pictures
    cells = cells.reshape(down, across, height, width, channels).swapaxes(1, 2)
    return cells.reshape(down * height, across * width, channels)


def picture_side(count) -> int:
    """Pixels of a picture's side so that a sprite of `count` pictures is not too large."""
    return min(LARGEST_PICTURE, LARGEST_SPRITE // math.ceil(math.sqrt(count)))


def _columns(subject, split, rows):
    """Single values of each example by name, the label first and by its name."""
    from sslkeras.pictures.inputs import label_text

    columns = {}
    for name in target_names(subject.split(split), subject.feature):
        values = subject.targets(split, name)[rows]
        if values.ndim == 1:
            names = subject.data.label_names if name == "label" else None
            columns[name] = [label_text(value, names) for value in values]
    first = {"label": columns.pop("label")} if "label" in columns else {}
    return {**first, **columns, "row": [str(row) for row in rows]}


def _pictures(split, feature, rows, vocabulary):
    """uint8 `(points, side, side, 3)`, or None for texts; and a text a point."""
    from sslkeras.pictures.canvas import fitted
    from sslkeras.pictures.examples import each_example
    from sslkeras.pictures.inputs import shown

    side, drawn, texts = picture_side(len(rows)), [], []
    for example in each_example(split, rows, (feature,)):
        value = example[feature]
        if value.ndim == 5:  # Of several views the first.
            value = value[0]
        if value.ndim == 4:
            value = value[len(value) // 2]
        image, text = shown(value, vocabulary)
        texts.append(text)
        if image is not None:
            drawn.append(fitted(image, side))
    if not drawn:
        return None, texts
    # No margin where all are squares of one size.
    side = max(max(image.shape[:2]) for image in drawn)
    pictures = np.full((len(drawn), side, side, 3), 255, np.uint8)
    for picture, image in zip(pictures, drawn, strict=True):
        height, width = image.shape[:2]
        top, left = (side - height) // 2, (side - width) // 2
        picture[top : top + height, left : left + width] = image
    return pictures, texts


def _as_tsv(columns):
    """A line a point; the names above them if there are several columns, as the reader wants."""
    lines = list(zip(*columns.values(), strict=True))
    if len(columns) > 1:
        lines.insert(0, tuple(columns))
    return "".join("\t".join(map(_one_line, line)) + "\n" for line in lines)


def _one_line(text):
    return " ".join(text.split()) or "(empty)"  # An empty line would not count as a point.


@contextlib.contextmanager
def _writing(folder):
    try:
        yield
    except OSError as error:
        raise RunError(
            "An export must be written to a folder that can be written. Received: "
            f"{folder}: {error.strerror or error}. Choose another folder."
        ) from error
