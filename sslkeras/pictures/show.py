"""`show` writes pictures of a run as PNG files into its folder."""

import importlib
import pathlib

from sslkeras.errors import ConfigurationError, RunError
from sslkeras.notation import suggest

# Each module has `draw(run, folder, examples, seed)`, which returns the paths it wrote and
# says aloud what it could not draw.
PICTURES = ("withheld", "curves", "filters", "feature_map", "attention")


def show(run, *, pictures=None, examples=8, seed=0, output=None) -> list:
    """Draws a run.

    - "withheld": what was withheld of held-out examples, and what was answered.
    - "curves": loss and metrics by epoch.
    - "filters": weights of the encoder's first layer.
    - "feature_map": held-out features in two dimensions, by PCA and t-SNE.
    - "attention": where the encoder looks (Grad-CAM, saliency) and what it prefers to
      see (activation maximisation).

    Args:
        run: A `Run`, or its folder.
        pictures: Names of some of these; None for all.
        examples: How many held-out examples are drawn.
        seed: Which examples, and all other chance.
        output: Folder for the files; None for `pictures/` in the run's folder.

    Returns:
        Paths of the files written. What a run does not allow (Grad-CAM without a
        convolution) is left out aloud.

    Raises:
        ConfigurationError: If a name or `examples` is wrong.
        RunError: If there is no folder to write into.
    """
    from sslkeras.evaluation.evaluate import as_run

    chosen = PICTURES if pictures is None else pictures
    for name in [chosen] if isinstance(chosen, str) else chosen:
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
    if output is None and run.folder is None:
        raise RunError(
            "Pictures need a folder. Received: a run without one and no `output`. Give `output`."
        )
    folder = pathlib.Path(output) if output is not None else pathlib.Path(run.folder) / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in [chosen] if isinstance(chosen, str) else chosen:
        module = importlib.import_module(f"sslkeras.pictures.{name}")
        written += module.draw(run, folder, examples, seed)
    return written
