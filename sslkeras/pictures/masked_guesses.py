"""Texts with gaps, and what a run would put there."""

import numpy as np

from sslkeras import report
from sslkeras.errors import ConfigurationError
from sslkeras.pictures.sheet import QUERY, Cell, Sheet

_GAP, _GUESSES = "[MASK]", 5


def tokens_of(run, texts):
    """int32 `(texts, length)`: ids of texts with gaps, padding behind them.

    Raises:
        ConfigurationError: If the task fills no gaps, a text has none, or it is too long.
    """
    if not hasattr(run.task, "fill_gaps") or _GAP not in (run.data.vocabulary or ()):
        raise ConfigurationError(
            "Texts with gaps need a run of a task that fills them. Received: a run of "
            f"{type(run.task).__name__}. Give a run of masked_language_model."
        )
    tokenizer, length = run.data.tokenizer, run.data.test.features["tokens"].shape[0]
    gap = run.data.vocabulary.index(_GAP)
    tokens = np.full([len(texts), length], tokenizer.pad, np.int32)
    for row, text in enumerate(texts):
        ids = tokenizer.encode(text)
        if gap not in ids:
            raise ConfigurationError(
                f"Each of `texts` must have a gap, written {_GAP}. Received: {text!r}. Put one "
                "where a word is to be guessed."
            )
        if len(ids) > length:
            raise ConfigurationError(
                f"Each of `texts` must have at most {length} tokens, as in training. Received: "
                f"{len(ids)} in {text!r}. Shorten it."
            )
        tokens[row, : len(ids)] = ids
    return tokens


def draw(run, folder, texts, tokens):
    """Writes masked_guesses.png, a text a row, and says the same in words.

    Args:
        run: A run of a task with `fill_gaps`.
        folder: Where to write.
        texts: Strings.
        tokens: What `tokens_of` made of them.
    """
    rows = []
    for text, gaps in zip(texts, run.task.fill_gaps(run.model, tokens, _GUESSES), strict=True):
        cells = [Cell(text=text, mark=QUERY)]
        report.say(text)
        for guesses in gaps:
            words = [f"{piece} {share:.0%}" for piece, share in guesses]
            report.say(f"  {', '.join(words)}")
            cells.append(Cell(text="\n".join(words)))
        rows.append(cells)
    gaps = max(map(len, rows)) - 1
    columns = ["text", *(f"gap {number}" for number in range(1, gaps + 1))]
    return [Sheet(rows, columns=columns, title="Guesses").save(folder, "masked_guesses")]
