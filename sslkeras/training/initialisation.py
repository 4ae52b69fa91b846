"""Weights that a run begins with: those of another run."""

from sslkeras import report
from sslkeras.errors import ConfigurationError
from sslkeras.training.run import Run, load_run


def described(run):
    """What run.json says of `init_from`: a folder, or None."""
    if not isinstance(run, Run):
        return None if run is None else str(run)
    return "a run that is in no folder" if run.folder is None else str(run.folder)


def initialise_from(run, encoders, trunks, encoder):
    """Gives trunks, and encoders of the same name, the weights of another run's.

    Trunks too, as not all need be in an encoder: one may follow another. Encoders whose weights
    have other shapes begin anew, but for the trunk: what another task, or images of another size,
    put around it is not the same.

    Args:
        run: The other `Run`, or its folder.
        encoders: Encoders of this run by name.
        trunks: What this run's `encoder` built.
        encoder: The `Encoder` of this run.

    Raises:
        ConfigurationError: If nothing fits.
    """
    other = run if isinstance(run, Run) else load_run(run)
    theirs = other.encoders
    pairs = [(trunk.name, trunk, _like(trunk, other.trunks)) for trunk in trunks if trunk.weights]
    pairs += [
        (name, one, _like(one, [theirs[name]])) for name, one in encoders.items() if name in theirs
    ]
    pairs = [pair for pair in pairs if pair[-1] is not None]
    if not pairs:
        raise ConfigurationError(
            "`init_from` must name a run with an encoder or trunk whose weights have the same "
            f"shapes. Received: {described(run)} with {other.encoder!r} and {', '.join(theirs)}; "
            f"this run has {encoder!r} and {', '.join(encoders)}. Use the `encoder` of that run "
            "here too."
        )
    for _, one, another in pairs:
        one.set_weights(another.get_weights())
    names = dict.fromkeys(name for name, *_ in pairs)
    report.say(f"Initialised {', '.join(names)} from {described(run)}.")


def _like(model, others):
    """The one whose weights have the shapes of the model's, by preference of its name; or None."""
    fitting = [other for other in others if _shapes(other) == _shapes(model)]
    return min(fitting, key=lambda other: other.name != model.name, default=None)


def _shapes(model):
    return [weight.shape for weight in model.weights]
