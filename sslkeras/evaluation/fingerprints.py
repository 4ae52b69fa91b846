"""What features depend on, as digests: equal ones mean equal features."""

import hashlib
import inspect
import json

import keras
import tensorflow as tf

import sslkeras

# Where the config of a model names its layers.
_NAMING = ("name", "inbound_nodes", "input_layers", "output_layers")


def encoder_fingerprint(encoder) -> str | None:
    """Digest of the weights of a trunk, its architecture and the code of its layers.

    Returns:
        None where the architecture cannot be told: models without a config.
    """
    digest = hashlib.sha256()
    try:
        described = _without_names(json.loads(encoder.to_json()))
        digest.update(json.dumps(described, sort_keys=True).encode())
    except (NotImplementedError, TypeError, ValueError):
        return None
    for source in sorted(_sources(encoder)):
        with open(source, "rb") as file:
            digest.update(file.read())
    for weights in encoder.get_weights():
        digest.update(f"{weights.shape} {weights.dtype}".encode())
        digest.update(weights.tobytes())
    digest.update(f"{sslkeras.__version__} {tf.__version__}".encode())
    return digest.hexdigest()


def _without_names(config):
    """The config with the names of layers, which Keras counts up, replaced by their order."""
    numbers = {}

    def walk(value, naming):
        if isinstance(value, dict):
            return {key: walk(one, naming or key in _NAMING) for key, one in value.items()}
        if isinstance(value, list):
            return [walk(one, naming) for one in value]
        if naming and isinstance(value, str):
            return numbers.setdefault(value, len(numbers))
        return value

    return walk(config, False)


def _sources(encoder):
    """Files with the code of layers that do not come with Keras, and of their bases."""
    sources = set()
    layers = (layer for layer in encoder.submodules if isinstance(layer, keras.layers.Layer))
    for kind in {base for layer in layers for base in type(layer).__mro__}:
        if kind.__module__.partition(".")[0] not in ("keras", "tensorflow", "builtins"):
            source = inspect.getsourcefile(kind)
            if source is not None:
                sources.add(source)
    return sources


class DataFingerprints:
    """Digests of the splits of a dataset, each computed once.

    Args:
        data: The `Dataset`.
    """

    def __init__(self, data):
        self._data, self._known = data, {}

    def __call__(self, split, names) -> str:
        """Digest of the features `names` of "train" or "test"."""
        key = split, tuple(sorted(names))
        if key not in self._known:
            part = self._data.train if split == "train" else self._data.test
            self._known[key] = part.fingerprint(key[1])
        return self._known[key]
