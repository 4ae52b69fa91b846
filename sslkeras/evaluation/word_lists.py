"""Files of word pairs with human scores and of analogy questions."""

import csv
import pathlib

from sslkeras.errors import DataError


def read_pairs(path, lowercase=True):
    """Pairs of words with a score.

    Args:
        path: CSV or TSV (whichever its first line looks like): first word, second word and
            score in the first three columns. A first line without a number is a header;
            lines that begin with "#" are comments.
        lowercase: Whether words are turned into lower case.

    Returns:
        A list of `(word, word, score)`.

    Raises:
        DataError: If the file cannot be read, has a line of another form or no pair.
    """
    lines = _lines(path)
    pairs = []
    separator = "\t" if any("\t" in line for _, line in lines[:2]) else ","
    for position, (number, line) in enumerate(lines):
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
        try:
            first, second, score = cells[0], cells[1], float(cells[2])
        except (IndexError, ValueError) as error:
            if position == 0 and len(cells) >= 3:
                continue
            raise DataError(
                "A line of word pairs must be word, word, score, with commas or tabs. Received: "
                f"{line[:80]!r} ({path}, line {number}). Correct the file."
            ) from error
        pairs.append(
            (first.lower(), second.lower(), score) if lowercase else (first, second, score)
        )
    if not pairs:
        raise DataError(
            f"A file of word pairs must have a pair. Received: none in {path}. Give another `path`."
        )
    return pairs


def read_analogies(path, lowercase=True):
    """Analogy questions `a b c d`, meaning a is to b as c is to d.

    Args:
        path: Text in the format of Google's question words: four words a line, sections
            begin with a line ": name".
        lowercase: Whether words are turned into lower case.

    Returns:
        A list of `(section, a, b, c, d)`; the section is "" before the first name.

    Raises:
        DataError: If the file cannot be read, has a line of another form or no question.
    """
    questions, section = [], ""
    for number, line in _lines(path):
        if line.startswith(":"):
            section = line[1:].strip()
            continue
        words = (line.lower() if lowercase else line).split()
        if len(words) != 4:
            raise DataError(
                "A line of analogies must be four words, or ': section'. Received: "
                f"{line[:80]!r} ({path}, line {number}). Correct the file."
            )
        questions.append((section, *words))
    if not questions:
        raise DataError(
            f"A file of analogies must have a question. Received: none in {path}. Give another "
            "`path`."
        )
    return questions


def _lines(path):
    """Number and text of the lines that are neither empty nor comments."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise DataError(
            f"A word list must be a text file that can be read. Received: {path} ({reason}). "
            "Correct `path`."
        ) from error
    lines = ((number, line.strip("\r\n ")) for number, line in enumerate(text.split("\n"), 1))
    return [(number, line) for number, line in lines if line and not line.startswith("#")]
