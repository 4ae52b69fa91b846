"""Plain text on disk."""

import contextlib
import functools
import gzip
import os
import re
import zlib

import numpy as np

from sslkeras.datasets.file_listing import list_files
from sslkeras.datasets.texts import Texts
from sslkeras.errors import DataError
from sslkeras.hyperparameters import Choice, Integer, Real, Text
from sslkeras.text.corpus import Piece

_ENDINGS = (".txt", ".text", ".gz")
_TEST_FOLDERS = ("test", "val", "valid", "validation")
# Characters read at a time: a document of many gigabytes is never held.
_CHUNK = 1 << 20
_BREAK = re.compile(r"\s\S*\Z")


class TextFiles(Texts):
    """Texts of a file, or of the files .txt, .text and .gz below a folder.

    UTF-8, or that compressed by gzip; bytes that are none become U+FFFD. With the sub-folders
    train/ and test/ (or val/, valid/, validation/) these are the splits. Otherwise a part is held
    out, in whole documents. If every file lies in a sub-folder, the sub-folders are the
    classes.

    Args:
        path: File or folder.
        documents: What is one document: "files", "lines", or "paragraphs" (up to an empty line).
        test_fraction: Share that is held out, in [0, 1).
        hold_out: "documents", drawn at random; or "end", the last part of the text, so that all of
            it follows on the train split. A file that is one document is divided there.
        seed: Integer that chooses the documents.
        **arguments: See `sslkeras.datasets.texts.Texts`.

    Raises:
        ConfigurationError: If arguments are not possible together.
        DataError: If there is no text, a file cannot be read, or the vocabulary has fewer than two
            tokens.
    """

    features = {
        "tokens": "int32 ids of one window",
        "num_tokens": "int32, ids that are no padding",
        "frequency": "float32, share of each token in the train split",
        "document": "int32, which document of the window, with `pack`",
        "begins_word": "bool, with WordPiece",
        "label": "int32 class, if in sub-folders",
    }
    hyperparameters = {
        "path": Text("the path of a text file or of a folder"),
        "documents": Choice("files", "lines", "paragraphs"),
        "test_fraction": Real(0, 1, closed="left"),
        "hold_out": Choice("documents", "end"),
        "seed": Integer(0),
        **Texts.arguments,
    }

    def __init__(
        self,
        path,
        *,
        documents="files",
        test_fraction=0.1,
        hold_out="documents",
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
            path=str(path),
            documents=documents,
            test_fraction=test_fraction,
            hold_out=hold_out,
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
        self._files, self.label_names = self._find()

    def fingerprint(self):
        facts = [
            (name, *os.stat(path)[6:9:2], split, label) for name, path, split, label in self._files
        ]
        return [facts, self.documents, self.test_fraction, self.hold_out, self.seed]

    def pieces(self):
        held_out = self._held_out
        for number, text, begin, ends, split, label in self._read():
            if split is not None:
                yield Piece(text, ends, split == "test", label)
            elif isinstance(held_out, np.ndarray):
                yield Piece(text, ends, bool(held_out[number]), label)
            elif self.documents == "files" and begin < held_out < begin + len(text):
                cut = _word_end(text, held_out - begin)
                yield Piece(text[:cut], True, False, label)
                if text[cut:].strip() or not ends:
                    yield Piece(text[cut:], ends, True, label)
            else:
                yield Piece(text, ends, begin >= held_out, label)

    @functools.cached_property
    def _held_out(self):
        """bool by document, or the number of characters of the train split."""
        documents = characters = 0
        for _, text, _, ends, split, _ in self._read():
            documents += ends and split is None
            characters += len(text)
        if self.hold_out == "end" or not documents:
            return round(characters * (1 - self.test_fraction))
        count = round(documents * self.test_fraction)
        if self.test_fraction:
            if documents < 2:
                raise DataError(
                    "There must be two or more documents, of which some are held out. Received: "
                    f"{documents} of {self.path!r}. Choose hold_out='end', which divides it; "
                    "documents='lines' or 'paragraphs'; or test_fraction=0."
                )
            count = min(max(count, 1), documents - 1)
        held_out = np.zeros(documents, bool)
        held_out[np.random.default_rng(self.seed).permutation(documents)[:count]] = True
        return held_out

    def _read(self):
        """(document, text, characters before, whether it ends, split, label) piece by piece.

        Only documents whose split is not given by a folder are counted.
        """
        number = before = 0
        for _, path, split, label in self._files:
            for text, ends in _DOCUMENTS[self.documents](path):
                yield number, text, before, ends, split, label
                before += len(text)
                number += ends and split is None

    def _find(self):
        """(name, path, "train", "test" or None, class) of each file; the names of the classes."""
        path = os.path.abspath(os.path.expanduser(self.path))
        if os.path.isfile(path):
            return [(os.path.basename(path), path, None, -1)], None
        listing = list_files(path, _ENDINGS)
        names = [listing.name(number) for number in range(len(listing))]
        if not names:
            raise DataError(
                f"`path` must hold text files ({', '.join(_ENDINGS)}). Received: {self.path!r}, "
                "which has none. Check the path."
            )
        parts = [name.split(os.sep) for name in names]
        tops = {part[0] for part in parts if len(part) > 1}
        test = next((name for name in _TEST_FOLDERS if name in tops), None)
        divided = "train" in tops and test is not None
        files = []
        for name, part in zip(names, parts):
            split = None
            if divided:
                if part[0] not in ("train", test) or len(part) < 2:
                    continue
                split, part = "train" if part[0] == "train" else "test", part[1:]
            files.append((name, os.path.join(path, name), split, part[:-1][:1]))
        classes = sorted({part[0] for _, _, split, part in files if part and split != "test"})
        if not all(part for _, _, split, part in files if split != "test"):
            classes = []
        numbers = {name: number for number, name in enumerate(classes)}
        described = [
            (name, path, split, numbers.get(part[0], -1) if part else -1)
            for name, path, split, part in files
        ]
        return described, tuple(classes) or None


def _word_end(text, place):
    """The first place between two words at or behind `place`."""
    found = re.compile(r"\s").search(text, place)
    return found.end() if found else len(text)


@contextlib.contextmanager
def _opened(path):
    """A text file; errors of reading it name it."""
    opener = gzip.open if path.endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="replace") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"A text file must be readable to its end. Received: {path} ({error}). Repair it, or "
            "take it away."
        ) from error


def _whole(path):
    """A file as one document, in pieces that end between two words."""
    with _opened(path) as file:
        waiting = file.read(_CHUNK)
        while True:
            following = file.read(_CHUNK)
            if not following:
                yield waiting, True
                return
            found = _BREAK.search(waiting, max(len(waiting) - 1000, 0))
            cut = found.start() + 1 if found else len(waiting)
            yield waiting[:cut], False
            waiting = waiting[cut:] + following


def _lines(path):
    """Each line that is not empty."""
    with _opened(path) as file:
        for line in file:
            if not line.isspace():
                yield line, True


def _paragraphs(path):
    """Lines up to an empty one."""
    with _opened(path) as file:
        lines = []
        for line in file:
            if not line.isspace():
                lines.append(line)
            elif lines:
                yield "".join(lines), True
                lines = []
        if lines:
            yield "".join(lines), True


_DOCUMENTS = {"files": _whole, "lines": _lines, "paragraphs": _paragraphs}
