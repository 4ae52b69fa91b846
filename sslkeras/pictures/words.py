"""Words: the nearest ones, answers to analogies, and similarity against what people say."""

import numpy as np
from scipy.stats import rankdata

from sslkeras.pictures.canvas import PALETTE, new_figure
from sslkeras.pictures.sheet import BAD, GOOD, QUERY, Cell, Sheet

WORDS, NEIGHBOURS, NAMED = 12, 6, 6


def draw_word_neighbours(vectors, words, title=""):
    """The words with the largest cosine, a word a row.

    Args:
        vectors: `WordVectors`.
        words: Words among them; the first twelve are drawn.
        title: Above the picture.
    """
    rows = []
    for word in list(dict.fromkeys(words))[:WORDS]:
        near = vectors.nearest(word, NEIGHBOURS)
        found = [Cell(text=f"{other}\n{cosine:.2f}") for other, cosine in near]
        rows.append([Cell(text=word, mark=QUERY), *found])
    columns = ["word", "nearest", *map(str, range(2, NEIGHBOURS + 1))]
    return Sheet(rows, columns=columns, title=title)


def draw_answers(vectors, questions, answers, title=""):
    """Questions with the answer that was wanted and the one that was given.

    Args:
        vectors: `WordVectors`.
        questions: int `(questions, 4)`, indices of a, b, c and the wanted word.
        answers: int `(questions,)`.
        title: Above the picture.
    """
    rows = []
    for (a, b, c, wanted), answer in zip(questions, answers, strict=True):
        words = [vectors.words[i] for i in (a, b, c)]
        asked = f"{words[0]} : {words[1]} = {words[2]} : ?"
        mark = GOOD if wanted == answer else BAD
        rows.append(
            [
                Cell(text=asked, mark=QUERY),
                Cell(text=vectors.words[wanted]),
                Cell(text=vectors.words[answer], mark=mark),
            ]
        )
    return Sheet(rows, columns=["question", "wanted", "answered"], title=title)


def draw_similarities(pairs, cosines, title=""):
    """A dot for each pair of words; the pairs that are most in dispute by name.

    Args:
        pairs: `(word, word, score of people)`.
        cosines: float `(pairs,)`.
        title: Above the picture.
    """
    human = np.array([score for _, _, score in pairs], np.float64)
    figure = new_figure(6.2, 4.8)
    axes = figure.subplots()
    axes.scatter(human, cosines, s=22, color=PALETTE[0], alpha=0.7, linewidths=0)
    disputed = np.argsort(-np.abs(rankdata(human) - rankdata(cosines)), kind="stable")[:NAMED]
    middle = (human.max() + human.min()) / 2
    for i in disputed:
        axes.annotate(
            f"{pairs[i][0]}, {pairs[i][1]}",
            (human[i], cosines[i]),
            xytext=(4 if human[i] < middle else -4, 3),
            textcoords="offset points",
            ha="left" if human[i] < middle else "right",
            fontsize=8,
        )
    axes.set_xlabel("similarity by people")
    axes.set_ylabel("cosine of the word vectors")
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
