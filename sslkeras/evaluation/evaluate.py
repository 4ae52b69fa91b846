"""What an encoder is worth: `evaluate` runs probes on it and on what it must beat."""

import contextlib
import hashlib
import inspect
import json
import os
import pathlib

import tensorflow as tf

from sslkeras import report
from sslkeras.datasets.dataset import as_dataset
from sslkeras.errors import ConfigurationError, DataError, PluginError
from sslkeras.evaluation import feature_store, health
from sslkeras.evaluation.features import check_pooling, feature_for
from sslkeras.evaluation.fingerprints import DataFingerprints
from sslkeras.evaluation.probe import PRETRAINED, RANDOM, RAW, Subject, as_probe
from sslkeras.evaluation.probe_pictures import paint
from sslkeras.evaluation.result import EvaluationResult, ProbeResult
from sslkeras.notation import Named, suggest
from sslkeras.training.files import write_atomically

# A raw input with more values than this an example is no contender: fits would take hours.
_LARGEST_RAW = 2**15


def evaluate(
    run,
    *,
    probes=None,
    dataset=None,
    encoder=None,
    seeds=1,
    pooling="mean",
    baselines=True,
    pictures=True,
    output=None,
    strategy=None,
    keep_features=True,
) -> EvaluationResult:
    """Judges the encoder of a run.

    The surrogate task's loss and metrics on held-out data come first. Then each probe is
    run on the features of the pretrained encoder, of the same architecture at random
    initialisation, and on the raw input. The encoder is frozen: features are extracted
    once, in inference mode, and its weights are the same afterwards.

    Args:
        run: A `Run`, or its folder.
        probes: Names (`"linear(labels=0.1)"`) or `Probe` objects; None for those of the run,
            of which those that need a feature that the data lacks are left out aloud.
        dataset: A name or a `Dataset` to judge on; None for that of the run.
        encoder: Name of one of the run's encoders; None for the first.
        seeds: How many random initialisations the pretrained encoder is compared with.
        pooling: How maps become vectors: "mean", "max", "flatten" or "grid:k".
        baselines: Whether random initialisations and the raw input are judged as well; False
            where they are known already, as for the same network trained with another seed.
        pictures: Whether what lies behind the figures is drawn into `pictures/probes/` of that
            folder, for the pretrained encoder and one random initialisation.
        output: Folder for `evaluation.json`; None for the run's folder, if it has one.
            Earlier results of other protocols in that file are kept.
        strategy: Replicas on which features are extracted, as in `pretrain`, for a run that is
            given by its folder. None: one device; a `Run` keeps those it was made on.
        keep_features: Whether the features are kept in `features/` of that folder, where the
            next evaluation finds them as long as weights and data are the same.

    Returns:
        The `EvaluationResult`; `print` it.

    Raises:
        ConfigurationError: If an argument or a name is wrong.
        DataError: If the data lacks what the encoder or a named probe reads, has fewer than two
            classes, has fewer labels than asked for, or features are not finite.
        PluginError: If a probe changed the encoder.
    """
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise ConfigurationError(f"`seeds` must be an integer >= 1. Received: seeds={seeds!r}.")
    check_pooling(pooling)
    run = as_run(run, strategy)
    name = encoder_name(run, encoder)
    data = run.data if dataset is None else as_dataset(dataset)
    model = run.encoders[name]
    reads = encoder_reads(run)
    notes = []
    if probes is None:
        chosen = _usable(_default_probes(run), data, notes)
    else:
        chosen = _demanded(probes, data)
    # Models that need not give a vector an example (of words, of flow) are judged as well.
    with_features = not chosen or any(probe.needs_features for probe in chosen)
    feature = reads[name]
    if with_features:
        feature = feature_for(model, data.train, feature)
        feature_for(model, data.test, feature)
    surrogate = {}
    if dataset is None:
        surrogate = {key: float(value) for key, value in run.surrogate_metrics().items()}

    folder = output if output is not None else run.folder
    kept_in = pathlib.Path(folder, feature_store.FOLDER) if folder and keep_features else None
    store, fingerprints = feature_store.FeatureStore(kept_in), DataFingerprints(data)
    # What probes of frames and maps read comes with those.
    wanted = {read for probe in chosen if probe.needs_features for read in probe.reads}

    def untrained(seed):
        with _scope(run.model):
            return run.untrained_model(seed)

    def fresh_encoder(seed):
        return run.task.encoders(untrained(seed))[name]

    pictures = pictures and folder is not None

    def subject(title, whole, draws=False):
        return Subject(
            title,
            data,
            feature,
            None if whole is None else run.task.encoders(whole)[name],
            pooling=pooling,
            batch_size=run.batch_size or 256,
            make_encoder=fresh_encoder,
            task=run.task,
            model=whole,
            encoders=None if whole is None else run.task.encoders(whole),
            reads=reads,
            draws=draws,
            store=store,
            fingerprints=fingerprints,
            wanted=wanted,
        )

    reasons = {} if not with_features else {feature: _no_raw_input(data.train.features[feature])}
    for probe in chosen:
        if probe.frames:
            reasons[probe.frames] = _no_raw_input(_frame_of(data.train.features[probe.frames]))

    def takes_raw(probe):
        if probe.needs_encoder or not (probe.needs_features or probe.frames):
            return not probe.needs_encoder
        return not reasons[probe.frames or feature]

    raw_health = with_features and not reasons[feature]

    def contenders():
        """Subjects one after another, so that one set of features is held at a time."""
        yield subject(PRETRAINED, run.model, pictures), 0
        if not baselines:
            return
        for seed in range(max([seeds, *(probe.seeds for probe in chosen)])):
            yield subject(RANDOM, untrained(seed), pictures and seed == 0), seed
        for what, reason in reasons.items():
            if reason:
                notes.append(f"'{RAW}' is left out: '{what}' {reason}.")
                report.warn(notes[-1])
        if raw_health or any(map(takes_raw, chosen)):
            yield subject(RAW, None), 0

    described = dataset_name(run, data, dataset)
    results = [
        ProbeResult(
            protocol=describe(probe),
            config=probe.get_config(),
            dataset=described,
            encoder=name,
            pooling=pooling,
            epoch=_epoch(run),
            train_size=0,
            test_size=0,
            runs={},
            feature_dimensions={},
        )
        for probe in chosen
    ]
    before, kept = _digest(run), {}
    for contender, first in contenders() if chosen else ():
        for probe, result in zip(chosen, results, strict=False):
            if contender.name == RAW and not takes_raw(probe):
                continue
            if contender.name == RANDOM:
                # Each seed is another initialisation as well as another subset.
                these = [first] if first < max(seeds, probe.seeds) else []
            else:
                these = range(probe.seeds)
            runs = []
            for seed in these:
                found = probe.run(contender, seed)
                runs.append({key: float(value) for key, value in found.items()})
                if seed == 0:
                    result.pictures += paint(contender, folder, result)
                contender.drawings.clear()
            if not runs:
                continue
            result.runs.setdefault(contender.name, []).extend(runs)
            _add_sizes(result, contender, probe)
            if _digest(run) != before:
                raise PluginError(
                    "A probe must leave the encoder as it is. Received: other weights after "
                    f"'{result.protocol}'. Let it train `subject.clone_encoder()`."
                )
        if with_features and (contender.name != RAW or raw_health):
            _add_health(results, contender, pooling, described, name, run)
        notes += [note for note in contender.notes if note not in notes]
        kept |= contender.kept

    store.tidy()
    found = EvaluationResult(surrogate, results, notes)
    if folder is not None:
        found.write(folder)
        for file, content in kept.items():
            write_atomically(pathlib.Path(folder) / f"{file}.json", json.dumps(content) + "\n")
    return found


def as_run(given, strategy=None):
    """`given` as a `Run`: itself, or the one in a folder, put on `strategy`."""
    if isinstance(given, (str, os.PathLike)):
        from sslkeras.training.run import load_run
        from sslkeras.training.strategies import create_strategy

        with contextlib.ExitStack() as stack:
            if strategy is not None:
                stack.enter_context(create_strategy(strategy).scope())
            return load_run(given)
    if strategy is not None:
        raise ConfigurationError(
            "`strategy` must be left out for a run that is loaded already. Received: "
            f"strategy={strategy!r}. Give the run's folder, or load it under the strategy's scope."
        )
    return given


def _scope(model):
    """The scope of the strategy that `model` was made under."""
    strategy = model.distribute_strategy
    # With several workers each judges all of the data by itself.
    mirrored = isinstance(strategy, tf.distribute.MirroredStrategy)
    return strategy.scope() if mirrored else contextlib.nullcontext()


def describe(named) -> str:
    """A probe or dataset in the `name(key=value)` notation, without what is default."""
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(type(named)).parameters.items()
    }
    config = {key: value for key, value in named.get_config().items() if value != defaults.get(key)}
    return str(Named(getattr(named, "registered_name", type(named).__name__.lower()), (), config))


def dataset_name(run, data, given=None) -> str:
    """What results call the dataset."""
    if isinstance(given, str):
        return given
    if given is None and isinstance(run.config.get("dataset"), str):
        return run.config["dataset"]
    return describe(data)


def encoder_name(run, encoder) -> str:
    """The name of one of the run's encoders: `encoder`, or the first for None.

    Raises:
        ConfigurationError: If the run has none of that name.
    """
    if encoder is None:
        return next(iter(run.encoders))
    if encoder not in run.encoders:
        raise ConfigurationError(
            f"`encoder` must be one of {', '.join(run.encoders)}. Received: encoder={encoder!r}."
            + suggest(encoder, run.encoders)
        )
    return encoder


def _default_probes(run):
    """What the run was told at its start, which is the task's choice unless said otherwise."""
    return run.config.get("probes") or run.task.probes


def encoder_reads(run) -> dict:
    """The raw feature that each encoder of the run takes, by the encoder's name."""
    reads, first = run.task.encoder_reads(), next(iter(run.task.reads))
    return {name: reads.get(name, first) for name in run.encoders}


def _usable(probes, data, notes):
    """Of the probes that nobody named, those whose features the data has; others are noted."""
    usable = []
    for probe in _as_probes(probes):
        missing = _missing(probe, data)
        if missing:
            notes.append(
                f"'{describe(probe)}' is left out: it needs '{missing}', and the dataset has "
                f"{_offered(data)}."
            )
            report.warn(notes[-1])
        else:
            usable.append(probe)
    return usable


def _demanded(probes, data):
    """The probes that were named.

    Raises:
        DataError: If the data lacks what one of them reads.
    """
    demanded = _as_probes(probes)
    for probe in demanded:
        missing = _missing(probe, data)
        if missing:
            raise DataError(
                f"The probe '{describe(probe)}' needs '{missing}' in both splits of the dataset. "
                f"Received: a dataset with {_offered(data)}. Leave this probe out of `probes`, or "
                "choose another dataset."
            )
    return demanded


def _as_probes(given):
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        given = [given]
    return [as_probe(one) for one in given]


def _missing(probe, data):
    """The first feature that a probe reads and a split lacks, or None."""
    for feature in probe.reads:
        if feature not in data.train.features or feature not in data.test.features:
            return feature
    return None


def _offered(data):
    return ", ".join(sorted(set(data.train.features) & set(data.test.features))) or "no features"


def _frame_of(spec):
    """Spec of one frame of a video, or of one of several views of it."""
    return tf.TensorSpec(spec.shape[-3:], spec.dtype)


def _no_raw_input(spec):
    """Why a feature is no fixed-length vector of its own, or None."""
    if not spec.shape.is_fully_defined():
        return f"has no fixed length ({spec.shape})"
    if not (spec.dtype.is_floating or spec.dtype == tf.uint8):
        return f"holds {spec.dtype.name} values, which are no quantities"
    if spec.shape.num_elements() > _LARGEST_RAW:
        return f"has {spec.shape.num_elements()} values an example, too many for a probe"
    return None


def _add_sizes(result, contender, probe):
    """Adds the number of features and of examples; extracts none for a probe without them."""
    if not probe.needs_features:
        width = contender.encoder and contender.encoder.outputs[0].shape[-1]
        if probe.frames:
            pooled = getattr(probe, "pooling", None)
            width = contender.frame_features("test", probe.frames, pooled)[0].shape[-1]
        result.feature_dimensions[contender.name] = width
        result.train_size = contender.data.train.size or 0
        result.test_size = contender.data.test.size or 0
        return
    pooled = getattr(probe, "pooling", None)
    result.feature_dimensions[contender.name] = contender.features("test", pooled).shape[1]
    result.train_size = len(contender.features("train", pooled))
    result.test_size = len(contender.features("test", pooled))


def _add_health(results, contender, pooling, dataset, encoder, run):
    """Adds spread and rank of the features to a result of that name, made on first use."""
    row = next((result for result in results if result.protocol == "features"), None)
    if row is None:
        row = ProbeResult(
            protocol="features",
            config={},
            dataset=dataset,
            encoder=encoder,
            pooling=pooling,
            epoch=_epoch(run),
            train_size=len(contender.features("train")),
            test_size=len(contender.features("test")),
            runs={},
            feature_dimensions={},
            has_gain=False,
        )
        results.append(row)
    features = contender.features("test")
    row.feature_dimensions[contender.name] = features.shape[1]
    row.runs.setdefault(contender.name, []).append(health.health(features))


def _epoch(run):
    return len(run.history)  # A row an epoch, over all stages.


def _digest(run):
    digest = hashlib.sha256()
    for model in run.encoders.values():
        for weights in model.get_weights():
            digest.update(weights.tobytes())
    return digest.hexdigest()
