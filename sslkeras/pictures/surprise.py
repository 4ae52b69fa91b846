"""Texts whose tokens are coloured by how little a language model expected them."""

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from sslkeras.pictures.canvas import bare, new_figure
from sslkeras.pictures.inputs import as_text

# Characters of a line, and lines of one text.
_CHARACTERS, _LINES = 96, 6
# Bits from which on a token is drawn as dark as can be.
MOST_BITS = 16.0
_LINE_HEIGHT, _CHARACTER_WIDTH = 0.24, 0.075  # Inches, of 9-point monospace.


def draw_surprise(texts, vocabulary=None, title=""):
    """A paragraph a text; tokens that were not scored are grey and have no background.

    Args:
        texts: Tuples of `(positions,)`: token ids, whether each was scored, and its natural
            log-likelihood.
        vocabulary: Tokens by id, or None: then ids are shown.
        title: Above the picture.
    """
    paragraphs = [lines_of(*text, vocabulary) for text in texts]
    height = _LINE_HEIGHT * (sum(map(len, paragraphs)) + len(paragraphs))
    figure = new_figure(_CHARACTER_WIDTH * _CHARACTERS + 1.6, height + 0.8)
    axes = figure.subplots()
    axes.set_xlim(0, _CHARACTERS)
    axes.set_ylim(height / _LINE_HEIGHT, 0)
    bare(axes)
    shades = ScalarMappable(Normalize(0, MOST_BITS), colormaps["Oranges"])
    row = 0.5
    for lines in paragraphs:
        for line in lines:
            for column, word, bits in line:
                style = {"color": "0.45"}
                if bits is not None:
                    dark = bits > 0.7 * MOST_BITS
                    style = {
                        "color": "white" if dark else "black",
                        "bbox": {"facecolor": shades.to_rgba(bits), "pad": 1.5, "linewidth": 0},
                    }
                axes.text(
                    column, row, word, family="monospace", size=9, va="center", parse_math=False
                ).set(**style)
            row += 1
        row += 1
    figure.colorbar(shades, ax=axes, label="bits", shrink=0.8, extend="max")
    axes.set_title(title, fontsize=12)
    return figure


def lines_of(tokens, scored, log_likelihood, vocabulary=None) -> list:
    """Lines of `(column, word, bits)`; bits are None where nothing was scored.

    Padding, which repeats one token that is not scored to the end, is left out.
    """
    tokens, scored = np.asarray(tokens), np.asarray(scored, bool)
    rest = np.flatnonzero(scored | (tokens != tokens[-1]))
    end = rest[-1] + 1 if len(rest) else len(tokens)
    lines, column = [[]], 0
    for token, counts, value in zip(tokens[:end], scored, log_likelihood):
        known = vocabulary is not None and token < len(vocabulary)
        word = as_text(vocabulary[token]) if known else str(token)
        if column and column + len(word) > _CHARACTERS:
            if len(lines) == _LINES:
                break
            lines.append([])
            column = 0
        lines[-1].append((column, word, max(0.0, -value / np.log(2)) if counts else None))
        column += len(word) + 1
    return lines
