"""English text that is there without a download: the documentation of installed packages."""

import ast
import functools
import hashlib
import importlib.util
import os
import re
import warnings

import numpy as np

from sslkeras.datasets.texts import Texts
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Integer, ListOf, Real, Text
from sslkeras.text.corpus import Piece

_PACKAGES = ("numpy", "scipy", "sklearn", "matplotlib", "keras", "tensorflow")
_NO_TEXT = ("tests", "test", "testing", "_vendor", "__pycache__")
# An example at the prompt, with what it prints.
_PROMPT = re.compile(r"^[ \t]*>>>.*(?:\n[ \t]*\S.*)*", re.MULTILINE)


class Docstrings(Texts):
    """Docstrings of installed packages, about 3 million words of English.

    Files are parsed; nothing is imported or run. A document is one docstring without its examples
    at the prompt; what was seen before is left out. Whole modules are held out, so that no
    held-out text explains a function of a train module. The label is the package.

    Args:
        packages: Names of installed packages.
        test_fraction: Share of the modules that is held out, in [0, 1).
        seed: Integer that chooses them.
        **arguments: See `sslkeras.datasets.texts.Texts`.

    Raises:
        ConfigurationError: If arguments are not possible together.
        DataError: If a package is not installed, or the vocabulary has fewer than two tokens.
    """

    features = {
        "tokens": "int32 ids of one window",
        "num_tokens": "int32, ids that are no padding",
        "frequency": "float32, share of each token in the train split",
        "document": "int32, which document of the window, with `pack`",
        "begins_word": "bool, with WordPiece",
        "label": "int32, which package",
    }
    hyperparameters = {
        "packages": ListOf(Text("the name of a package"), min_length=1),
        "test_fraction": Real(0, 1, closed="left"),
        "seed": Integer(0),
        **Texts.arguments,
    }

    def __init__(
        self,
        *,
        packages=_PACKAGES,
        test_fraction=0.1,
        seed=0,
        tokens="words",
        length=128,
        stride=None,
        pack=False,
        separator=False,
        min_tokens=1,
        lowercase=True,
        punctuation=True,
        numbers="keep",
        rare="unknown",
        min_count=5,
        max_vocab=None,
        phrases=(),
        phrase_discount=5.0,
        cache=None,
    ):
        super().__init__(
            packages=packages,
            test_fraction=test_fraction,
            seed=seed,
            tokens=tokens,
            length=length,
            stride=stride,
            pack=pack,
            separator=separator,
            min_tokens=min_tokens,
            lowercase=lowercase,
            punctuation=punctuation,
            numbers=numbers,
            rare=rare,
            min_count=min_count,
            max_vocab=max_vocab,
            phrases=phrases,
            phrase_discount=phrase_discount,
            cache=cache,
        )
        self.label_names = self.packages

    def fingerprint(self):
        facts = [(label, name, *os.stat(path)[6:9:2]) for label, name, path in self._modules]
        return [facts, list(self.packages), self.test_fraction, self.seed]

    def pieces(self):
        count = len(self._modules)
        order = np.random.default_rng(self.seed).permutation(count)
        held_out = set(order[: round(count * self.test_fraction)].tolist())
        seen = set()
        for number, (label, _, path) in enumerate(self._modules):
            for text in docstrings_of(path):
                digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
                if digest not in seen:
                    seen.add(digest)
                    yield Piece(text, True, number in held_out, label)

    @functools.cached_property
    def _modules(self):
        """(label, name relative to the package, path) of each source file, sorted."""
        found = []
        for label, package in enumerate(self.packages):
            for folder in _folders_of(package):
                for at, below, names in os.walk(folder):
                    below[:] = sorted(name for name in below if name not in _NO_TEXT)
                    for name in sorted(names):
                        path = os.path.join(at, name)
                        if name.endswith(".py") and os.path.isfile(path):
                            found.append((label, os.path.relpath(path, folder), path))
        return found


def docstrings_of(path):
    """The docstrings of a source file in order, without examples at the prompt."""
    with open(path, "rb") as file:
        source = file.read()
    if b'"""' not in source and b"'''" not in source:
        return
    try:
        with warnings.catch_warnings():
            # Of escape sequences in other people's strings.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # Templates and code for other versions of Python.
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            text = _PROMPT.sub("", ast.get_docstring(node) or "").strip()
            if text:
                yield text


def _folders_of(package):
    # Without a dot nothing is imported to find it.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    folders = list((spec and spec.submodule_search_locations) or ())
    if not folders:
        raise DataError(
            "`packages` must name installed packages. Received: "
            f"{package!r}, which is none. Install it, or leave it out."
        )
    return folders
