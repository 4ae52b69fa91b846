"""Word vectors in the two file formats of word2vec, which most tools for words read."""

import contextlib
import os
import pathlib

import numpy as np

from sslkeras.errors import ConfigurationError, DataError


def save_word_vectors(run, path, *, binary=None):
    """Writes the word vectors of a run in the format of word2vec.

        run = sslkeras.load_run("runs/words")
        save_word_vectors(run, "words.txt")
        gensim.models.KeyedVectors.load_word2vec_format("words.txt")

    The file appears whole or not at all. Numbers in text are as short as they can be and still
    give the same float32 when read.

    Args:
        run: A `Run` of a task with the method `word_vectors(model) -> (words, matrix)`.
        path: The file.
        binary: Whether numbers are written as little-endian float32 instead of text. None: as
            the name says, binary if it ends with ".bin".

    Returns:
        The path.

    Raises:
        ConfigurationError: If the task has no word vectors, or the folder of `path` is missing.
        DataError: If a word is empty or holds white space, which the format cannot tell apart
            from the end of the word, or a vector is not finite.
    """
    path = pathlib.Path(path)
    found = getattr(run.task, "word_vectors", None)
    if found is None:
        raise ConfigurationError(
            "Only a task with word vectors has some to write. Received: a run of the task "
            f"'{run.config['task']['name']}'. Choose a run of one that has the method "
            "`word_vectors`, such as skipgram."
        )
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"The folder of the file must exist. Received: {str(path)!r}. Make {path.parent} first."
        )
    words, matrix = found(run.model)
    words, matrix = [str(word) for word in words], np.asarray(matrix, "<f4")
    bad = [word for word in words if len(word.split()) != 1 or word.split()[0] != word]
    if bad:
        raise DataError(
            "Words in the format of word2vec must be without white space and not empty. Received: "
            f"{bad[0]!r} and {len(bad) - 1} more. Choose a tokeniser of words or word pieces."
        )
    if not np.isfinite(matrix).all():
        raise DataError(
            "Word vectors must be finite. Received: NaN or infinity. Look for a diverged training."
        )
    if binary is None:
        binary = path.suffix == ".bin"
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(f"{len(words)} {matrix.shape[1]}\n".encode())
            for word, row in zip(words, matrix, strict=True):
                numbers = row.tobytes() if binary else " ".join(map(str, row)).encode()
                file.write(word.encode() + b" " + numbers + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
    return path
