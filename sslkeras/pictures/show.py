"""`show` writes pictures of a run as PNG files into its folder."""

import importlib
import pathlib

from sslkeras.errors import ConfigurationError, RunError
from sslkeras.notation import suggest

# Each module has `draw(run, folder, examples, seed)`, which returns the paths it wrote and
# says aloud what it could not draw.
PICTURES = ("withheld", "curves", "filters", "feature_map", "attention", "nearest_words")


def show(run, *, pictures=None, examples=8, seed=0, words=None, texts=None, output=None) -> list:
    """Draws a run.

    - "withheld": what was withheld of held-out examples, and what was answered.
    - "curves": loss and metrics by epoch.
    - "filters": weights of the encoder's first layer.
    - "feature_map": held-out features in two dimensions, by PCA and t-SNE.
    - "attention": where the encoder looks (Grad-CAM, saliency) and what it prefers to
      see (activation maximisation).
    - "nearest_words": words with the largest cosine to some others, of tasks with vectors of words.

    Args:
        run: A `Run`, or its folder.
        pictures: Names of some of these; None for all.
        examples: How many held-out examples are drawn.
        seed: Which examples, and all other chance.
        words: The words of "nearest_words", a list; None for some frequent ones.
        texts: A list of texts with gaps, "the [MASK] of the house", which the run fills, of tasks
            that fill gaps. They are drawn beside `pictures`, as masked_guesses.png.
        output: Folder for the files; None for `pictures/` in the run's folder.

    Returns:
        Paths of the files written. What a run does not allow (Grad-CAM without a
        convolution) is left out aloud.

    Raises:
        ConfigurationError: If a name or `examples` is wrong, the run knows none of `words`, or
            cannot fill the gaps of `texts`.
        RunError: If there is no folder to write into.
    """
    from sslkeras.evaluation.evaluate import as_run
    from sslkeras.pictures import masked_guesses, nearest_words

    chosen = PICTURES if pictures is None else pictures
    chosen = [chosen] if isinstance(chosen, str) else list(chosen)
    for name in chosen:
        if name not in PICTURES:
            raise ConfigurationError(
                f"`pictures` must be among {', '.join(PICTURES)}. Received: {name!r}."
                + suggest(name, PICTURES)
            )
    if isinstance(examples, bool) or not isinstance(examples, int) or examples < 1:
        raise ConfigurationError(
            f"`examples` must be an integer >= 1. Received: examples={examples!r}."
        )
    run = as_run(run)
    if not hasattr(run.task, "word_vectors"):
        if words or pictures is not None and "nearest_words" in chosen:
            raise ConfigurationError(
                "Nearest words need a task with vectors of words. Received: a run of "
                f"{type(run.task).__name__}. Give a run of next_word, missing_word or skipgram."
            )
        chosen = [name for name in chosen if name != "nearest_words"]
    elif words:
        nearest_words.check(run, words)
        chosen = list(dict.fromkeys([*chosen, "nearest_words"]))
    tokens = masked_guesses.tokens_of(run, texts) if texts else None
    if output is None and run.folder is None:
        raise RunError(
            "Pictures need a folder. Received: a run without one and no `output`. Give `output`."
        )
    folder = pathlib.Path(output) if output is not None else pathlib.Path(run.folder) / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    if texts:
        written += masked_guesses.draw(run, folder, texts, tokens)
    for name in chosen:
        module = importlib.import_module(f"sslkeras.pictures.{name}")
        asked = {"words": words} if name == "nearest_words" else {}
        written += module.draw(run, folder, examples, seed, **asked)
    return written
