"""What a probe is, and what it judges."""

import abc

import keras
import numpy as np

from sslkeras import report
from sslkeras.errors import ConfigurationError, DataError
from sslkeras.evaluation import features as features_module
from sslkeras.evaluation import frame_features as frame_features_module
from sslkeras.evaluation import health
from sslkeras.evaluation.feature_store import FeatureStore
from sslkeras.evaluation.fingerprints import encoder_fingerprint
from sslkeras.hyperparameters import Configurable
from sslkeras.notation import suggest

PRETRAINED = "pretrained"
RANDOM = "random init"
RAW = "raw input"


class Subject:
    """One column of a result: the features of the raw data as somebody sees them.

    Args:
        name: "pretrained", "random init" or "raw input".
        data: The `Dataset`.
        feature: Name of the raw feature that is embedded.
        encoder: The frozen trunk; None for the raw input itself.
        pooling: How maps become vectors unless a probe says otherwise.
        batch_size: Examples in a batch while features are extracted.
        make_encoder: `make_encoder(seed)` builds the same trunk with fresh weights; None if
            the trunk can be cloned from its config.
        task: The `Task`, for probes that ask it for predictions; None without one.
        model: The task's whole model that `encoder` is a part of; None for the raw input.
        encoders: All trunks of the task by name, for `of_encoder`; None without others, and
            for the raw input.
        reads: Name of the raw feature that each trunk takes, by the trunk's name.
        draws: Whether `picture` keeps what it is given.
        store: The `FeatureStore` for the features; None for a temporary one.
        fingerprints: `DataFingerprints` of `data`, by which features are found again in
            `store`; None: they are extracted anew.
        wanted: Features that are read as targets whatever their size.
    """

    def __init__(
        self,
        name,
        data,
        feature,
        encoder,
        *,
        pooling="mean",
        batch_size=256,
        make_encoder=None,
        task=None,
        model=None,
        encoders=None,
        reads=None,
        draws=False,
        store=None,
        fingerprints=None,
        wanted=(),
    ):
        features_module.check_pooling(pooling)
        self.name, self.data, self.feature, self.encoder = name, data, feature, encoder
        self.pooling, self.batch_size = pooling, batch_size
        self.task, self.model = task, model
        self.reads = dict(reads or {})
        self.notes = []
        self.kept = {}
        self.draws, self.drawings = draws, {}
        self._encoders = encoders
        self._make_encoder = make_encoder
        self._store = store or FeatureStore()
        self._fingerprints, self._wanted = fingerprints, tuple(wanted)
        self._cache = {}

    @property
    def is_pretrained(self) -> bool:
        return self.name == PRETRAINED

    def note(self, text):
        """Says something about the result that its reader must know."""
        if text not in self.notes:
            report.warn(text)
            self.notes.append(text)

    def keep(self, name, content):
        """Keeps what lies behind a result, to be written as `<name>.json` beside it.

        Args:
            name: Name of the file, without its ending.
            content: Lists, dicts, strings and numbers.
        """
        if self.is_pretrained:
            self.kept[name] = content

    def picture(self, name, draw, caption):
        """Keeps how to draw what lies behind a result, for a file in `pictures/probes/`.

        Args:
            name: What the picture is called beside others of the probe, e.g. "confusion".
            draw: Called without arguments if pictures are wanted; returns a
                `sslkeras.pictures.sheet.Sheet` or a figure of matplotlib.
            caption: What there is to see, in a sentence or two.
        """
        if self.draws:
            self.drawings[name] = draw, caption

    def split(self, split):
        """The `Split` called "train" or "test"."""
        return self.data.train if split == "train" else self.data.test

    def features(self, split, pooling=None) -> np.ndarray:
        """Features of "train" or "test", extracted once.

        Returns:
            float32 `(examples, features)` in the order of the split, a read-only memory map:
            look at it chunk by chunk (`moments.chunks`) where that is possible.

        Raises:
            DataError: If a row has NaN or infinity.
        """
        return self._extracted(split, pooling).features

    def targets(self, split, name) -> np.ndarray:
        """The feature `name` of "train" or "test", row by row as in `features`.

        Raises:
            DataError: If the data lacks it or it is too large for a target.
        """
        targets = self._extracted(split, None).targets
        if name not in targets:
            raise DataError(
                f"The dataset must offer '{name}' with a value of one size an example. Received: "
                f"{', '.join(sorted(targets)) or 'no such feature'} ({split} split). Choose "
                "another dataset or another `target`."
            )
        return targets[name]

    def frame_features(self, split, feature="video", pooling=None) -> list:
        """Features of every frame of the videos of "train" or "test", extracted once.

        Args:
            split: "train" or "test".
            feature: Feature with the videos, `(time, height, width, channels)`, or
                `(views, time, height, width, channels)`. Where the data offers 'num_frames',
                the frames from there on are padding and left out.
            pooling: How maps of a frame become vectors; None for the subject's.

        Returns:
            float32 `(frames, features)` for each video, in the order of the split; with
            several views `(views, frames, features)`.

        Raises:
            DataError: If the data lacks the feature, it does not fit the encoder, or a frame's
                features have NaN or infinity.
        """
        return self._videos(split, feature, pooling).features

    def frame_targets(self, split, name, feature="video", pooling=None) -> list:
        """The feature `name` of each video: one value a frame, or one for the video.

        Args:
            split: "train" or "test".
            name: Name of the feature, `(time, ...)` or any small one.
            feature: Feature with the videos; see `frame_features`.
            pooling: As in the call of `frame_features`, so that no second pass is made.

        Returns:
            An array for each video.

        Raises:
            DataError: If the data lacks it or it is too large for a target.
        """
        targets = self._videos(split, feature, pooling).targets
        if name not in targets:
            raise DataError(
                f"The dataset must offer '{name}' with a value for each frame or video. Received: "
                f"{', '.join(sorted(targets)) or 'no such feature'} ({split} split). "
                f"{frame_features_module.OFFER}."
            )
        return targets[name]

    @property
    def encoder_names(self) -> tuple:
        """Names of the task's trunks, the first one first."""
        return tuple(self.reads)

    def of_encoder(self, name) -> "Subject":
        """This contender with another of the task's trunks, made once.

        Raises:
            ConfigurationError: If the task has no trunk of that name.
            DataError: If the data lacks what that trunk reads.
        """
        if name not in self.reads:
            known = ", ".join(self.reads) or "none by name"
            raise ConfigurationError(
                f"An encoder must be one of the task's: {known}. Received: {name!r}."
                + suggest(name, self.reads)
            )
        if ("encoder", name) not in self._cache:
            encoder = None if self._encoders is None else self._encoders[name]
            feature = self.reads[name]
            for split in (self.data.train, self.data.test) if encoder is not None else ():
                feature = features_module.feature_for(encoder, split, feature)
            other = Subject(
                self.name,
                self.data,
                feature,
                encoder,
                pooling=self.pooling,
                batch_size=self.batch_size,
                task=self.task,
                model=self.model,
                encoders=self._encoders,
                reads=self.reads,
                draws=self.draws,
                store=self._store,
                fingerprints=self._fingerprints,
                wanted=self._wanted,
            )
            other.notes, other.kept, other.drawings = self.notes, self.kept, self.drawings
            self._cache["encoder", name] = other
        return self._cache["encoder", name]

    def clone_encoder(self) -> keras.Model:
        """A trunk of its own with the same weights, for a probe that trains it."""
        if self._make_encoder is not None:
            clone = self._make_encoder(0)
        else:
            clone = keras.models.clone_model(self.encoder)
        clone.set_weights(self.encoder.get_weights())
        clone.trainable = True
        return clone

    def _extracted(self, split, pooling):
        if self.encoder is None:
            pooling = None  # Raw values are not pooled.
        else:
            pooling = pooling or self.pooling
            features_module.check_pooling(pooling)
            if self.encoder.output_shape and len(self.encoder.output_shape) == 2:
                pooling = "mean"  # A vector stays what it is: one pass is enough.
        if (split, pooling) not in self._cache:
            part = self.split(split)

            def embedding():
                if self.encoder is None:
                    return _flatten
                return features_module.embedding_of(
                    self.encoder, pooling, part.features[self.feature]
                )

            names = features_module.target_names(part, self.feature, self._wanted)
            extracted = features_module.extract(
                part,
                self.feature,
                embedding,
                self.batch_size,
                wanted=self._wanted,
                store=self._store,
                key=self._key("examples", split, self.feature, pooling, names),
            )
            health.check_finite(extracted.features, self.name, split)
            if health.is_collapsed(extracted.features):
                self.note(
                    f"The features of '{self.name}' hardly vary over the {split} split: a "
                    "collapsed representation."
                )
            self._cache[split, pooling] = extracted
        return self._cache[split, pooling]

    def _key(self, what, split, feature, pooling, names):
        """What features depend on; None where it cannot be told, or they are quickly made."""
        if self.encoder is None or self._fingerprints is None or not self._store.keeps:
            return None
        if "encoder" not in self._cache:
            self._cache["encoder"] = encoder_fingerprint(self.encoder)
        if self._cache["encoder"] is None:
            return None
        return {
            "what": what,
            "feature": feature,
            "pooling": pooling,
            "targets": sorted(names),
            "data": self._fingerprints(split, (feature, *names)),
            "encoder": self._cache["encoder"],
        }

    def _videos(self, split, feature, pooling):
        pooling = pooling or self.pooling
        features_module.check_pooling(pooling)
        key = ("frames", split, feature, pooling)
        if key not in self._cache:
            part = self.split(split)
            stored = None
            if feature in part.features:
                names = frame_features_module.frame_target_names(part, feature)
                stored = self._key("frames", split, feature, pooling, names)
            videos = frame_features_module.read_videos(
                part,
                feature,
                self.encoder,
                pooling,
                self.batch_size,
                store=self._store,
                key=stored,
            )
            health.check_finite(videos.rows, self.name, split)
            if health.is_collapsed(videos.rows):
                self.note(
                    f"The features of the frames by '{self.name}' hardly vary over the {split} "
                    "split: a collapsed representation."
                )
            self._cache[key] = videos
        return self._cache[key]


def _flatten(batch):
    return batch.numpy().reshape(len(batch), -1)


class Probe(Configurable, abc.ABC):
    """A protocol that tells what an encoder is worth, found by name like a task.

    Attributes:
        reads: Features of the raw data that it needs beside the encoder's own; an instance
            may set its own `self.reads`.
        needs_encoder: True if it works on the encoder, not on features alone; the raw input
            is then left out.
        needs_features: False if it never asks for `subject.features`, so that none are
            extracted for it.
        frames: Feature with the videos for whose frames it asks (`subject.frame_features`),
            or None. Such a probe has `needs_features = False`.
        seeds: How many times it is repeated, with seeds 0, 1, ...; results are then means
            with deviations.
    """

    reads: tuple = ("label",)
    needs_encoder: bool = False
    needs_features: bool = True
    frames: str | None = None
    seeds: int = 1

    @abc.abstractmethod
    def run(self, subject: Subject, seed: int) -> dict:
        """Judges one subject.

        No statistic may be fitted on the test split, and `subject.encoder` must stay as it
        is: a probe that trains takes `subject.clone_encoder()`.

        Args:
            subject: What is judged.
            seed: Fixes all that is drawn: subsets, initialisations, orders.

        Returns:
            Metric name to float.
        """


def classes_of(subject, target):
    """Targets of both splits as class indices.

    Args:
        subject: The `Subject`.
        target: Name of the feature that holds the class.

    Returns:
        The sorted classes of the train split, and int64 indices into them of the train and
        the test split; -1 for a test class that the train split lacks.

    Raises:
        DataError: If the targets are no single classes, fewer than two classes occur, or
            their number is not that of the features.
    """
    train, test = (subject.targets(split, target) for split in ("train", "test"))
    for split, targets in (("train", train), ("test", test)):
        check_lengths(subject.features(split), targets, target, split)
    return class_indices(train, test, target, subject.note)


def class_indices(train, test, target, note):
    """Class indices of given targets.

    Args:
        train: `(examples,)`, integers or strings.
        test: Likewise.
        target: Name of the feature, for messages.
        note: Told in words about test classes that the train split lacks.

    Returns:
        As `classes_of`.

    Raises:
        DataError: If the targets are no single classes or fewer than two classes occur.
    """
    if train.ndim != 1 or np.issubdtype(train.dtype, np.floating):
        raise DataError(
            f"'{target}' must be one class an example, an integer or a string. Received: "
            f"{train.dtype} of shape {train.shape}. Use the probe 'linear' for real numbers."
        )
    classes, indices = np.unique(train, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"'{target}' must have two or more classes in the train split. Received: "
            f"{len(classes)} ({classes.tolist()}). Choose another dataset or `target`."
        )
    where = np.clip(np.searchsorted(classes, test), 0, len(classes) - 1)
    known = classes[where] == test
    if not known.all():
        note(
            f"{int((~known).sum())} test examples have a class of '{target}' that the train split "
            "lacks: they count as wrong."
        )
    return classes, indices, np.where(known, where, -1)


def check_lengths(features, targets, target, split):
    """Raises `DataError` unless there is one target a row of features."""
    if len(features) != len(targets):
        raise DataError(
            f"Features and '{target}' must have the same number of rows. Received: "
            f"{len(features)} and {len(targets)} ({split} split). Check the dataset's reader."
        )


def accuracies(scores, truth) -> dict:
    """Accuracies of class scores.

    Args:
        scores: `(examples, classes)`; of equal scores the smaller class comes first.
        truth: int `(examples,)`; -1 for a class that has no score.

    Returns:
        "top-1", "top-5" for 6 or more classes, and "per class": top-1 of each class that
        occurs, averaged over classes.
    """
    order = np.argsort(-scores, axis=-1, kind="stable")
    hits = order == np.asarray(truth)[:, np.newaxis]
    first = hits[:, 0]
    result = {"top-1": float(first.mean())}
    if scores.shape[-1] >= 6:
        result["top-5"] = float(hits[:, :5].any(axis=-1).mean())
    result["per class"] = float(np.mean([first[truth == one].mean() for one in np.unique(truth)]))
    return result


def keep_confusion(subject, truth, answers, classes, target):
    """Has the confusion matrix of a classifier drawn, as the picture "confusion".

    Args:
        subject: The `Subject`.
        truth: int `(examples,)`, indices of classes; -1 for one that is not known.
        answers: int `(examples,)`, indices of classes.
        classes: The classes by index, as they stand in the data.
        target: Feature that holds the class.
    """

    def draw():
        from sslkeras.pictures.confusion import draw_confusion

        names = subject.data.label_names if target == "label" else None
        return draw_confusion(truth, answers, classes, names, f"{target} ({subject.name})")

    subject.picture(
        "confusion",
        draw,
        "Test examples by their true class (rows) and by the answer (columns); the diagonal is "
        "right.",
    )


def check_probe_pooling(pooling):
    """Raises `ConfigurationError` unless `pooling` is None or one that exists."""
    if pooling is not None:
        features_module.check_pooling(pooling)


def as_probe(given) -> Probe:
    """`given` as a `Probe`: itself, or made by name."""
    from sslkeras import registry

    if isinstance(given, Probe):
        return given
    if isinstance(given, str):
        return registry.probes.create(given)
    raise ConfigurationError(
        "A probe must be a name or an sslkeras.Probe. Received: "
        f"{type(given).__name__}. Write it as 'linear' or 'knn(k=20)'."
    )
