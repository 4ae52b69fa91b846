"""sslkeras doctor: what the environment is, and what is wrong with it.

    sslkeras doctor
    SSLKERAS_DISABLE_PLUGINS=acme-ssl,rotation sslkeras doctor

Looks at versions, GPUs, the compiled ops of tensorflow-addons and every plugin, which it
imports in another process. Each line begins with ok, note (nothing is wrong, but good to
know) or WRONG.

Exit status: 0 nothing is wrong, 1 something is.
"""

import ctypes
import dataclasses
import os
import pathlib
import platform
import shutil
import subprocess
import textwrap

import sslkeras
from sslkeras import notation, registry, requirements
from sslkeras.commands import examination
from sslkeras.commands.positional import refuse_positional

FLAGS = ()
_KINDS = {
    "tasks": registry.tasks,
    "datasets": registry.datasets,
    "encoders": registry.encoders,
    "probes": registry.probes,
}
# Wheels that put another TensorFlow where the supported one belongs.
_OTHER_TENSORFLOWS = ("tensorflow-cpu", "tensorflow-gpu", "tf-nightly", "tf-nightly-cpu")
_WITH_CUDA = "pip install 'sslkeras[gpu]'"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at: "ok", "note" or "WRONG", and in words what is there."""

    status: str
    text: str


def main(rest):
    refuse_positional(rest, "sslkeras doctor")
    sections = examine()
    for title, findings in sections.items():
        print(title)
        for finding in findings:
            print(_shown(finding))
        print()
    wrong = sum(finding.status == "WRONG" for each in sections.values() for finding in each)
    if wrong:
        print(f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong; see the lines with WRONG.")
        return 1
    print("Nothing is wrong.")
    return 0


def examine() -> dict[str, list[Finding]]:
    """Everything that is looked at, by section."""
    offers, clashes = _offers(), _conflicts()
    # What two distributions offer cannot be loaded, so it is not tried.
    subjects = [
        _subject(offer) for offer in offers if (offer.kind, offer.entry.name) not in clashes
    ]
    answers = examination.ask(["tensorflow", "addons", *subjects])
    works = answers["tensorflow"].error is None
    return {
        "Versions": list(_versions()),
        "TensorFlow": list(_tensorflow(answers)),
        "Devices": list(_devices(answers["tensorflow"].facts)) if works else [_untried("GPUs")],
        "Plugins": list(_plugins(offers, clashes, answers))
        + ([] if works else [_untried("Plugins")]),
    }


def _versions():
    if requirements.installed("sslkeras") is None:
        yield Finding(
            "WRONG",
            "sslkeras is not installed, so that nothing it offers can be found. Install it: pip "
            f"install {pathlib.Path(sslkeras.__file__).parents[1]}",
        )
        return
    try:
        python = requirements.python_for("sslkeras")
    except ModuleNotFoundError as error:
        yield Finding("WRONG", f"Versions cannot be compared: {error}. pip install '{error.name}'")
        return
    where = f"{platform.system()} {platform.machine()}"
    yield _version(python, f" on {where}", "Make an environment with one of these versions")
    have = requirements.installed("sslkeras")
    folder = pathlib.Path(sslkeras.__file__).parent
    if have == sslkeras.__version__:
        yield Finding("ok", f"sslkeras {have} in {folder}")
    else:
        yield Finding(
            "WRONG",
            f"sslkeras is {sslkeras.__version__} in {folder}, but {have} was installed. Install "
            "it again.",
        )
    for needed in requirements.of("sslkeras"):
        yield _version(needed, "", needed.pip)


def _version(needed, more, remedy):
    name = needed.name.strip()
    wanted = f"needs {needed.wanted}" if needed.wanted else "any version will do"
    if needed.fits:
        return Finding("ok", f"{name} {needed.have}{more} ({wanted})")
    is_there = "is not installed" if needed.missing else f"is {needed.have}{more}"
    return Finding("WRONG", f"{name} {is_there} ({wanted}). {remedy}")


def _tensorflow(answers):
    imported = answers["tensorflow"]
    for name in _OTHER_TENSORFLOWS:
        version = requirements.installed(name)
        if version is not None:
            yield Finding(
                "WRONG",
                f"{name} {version} is installed, which takes the place of tensorflow: the compiled "
                "ops of tensorflow-addons do not load on it. pip uninstall "
                f"{name}, then install tensorflow anew",
            )
    if imported.error:
        yield Finding(
            "WRONG",
            f"TensorFlow cannot be imported, so that only `sslkeras list` works: {imported.error}",
        )
        return
    facts = imported.facts
    yield Finding(
        "ok",
        f"TensorFlow {facts['version']} with Keras {facts['keras']} can be imported, in "
        f"{imported.seconds:.1f} s",
    )
    addons = answers["addons"]
    if addons.error is None:
        yield Finding("ok", "The compiled ops of tensorflow-addons load")
    else:
        yield Finding(
            "WRONG",
            "The compiled ops of tensorflow-addons (correlation cost, resampler) do not load, "
            "which they do only on the wheel `tensorflow` they were built for: "
            f"{addons.error}",
        )


@dataclasses.dataclass(frozen=True)
class Driver:
    """What the machine says of its NVIDIA driver.

    Attributes:
        loaded: Whether the kernel has one.
        library: Whether its library libcuda.so.1 can be loaded.
        lists: What `nvidia-smi -L` printed; "" if it lists no GPU, None if there is no
            such command.
        visible: The variable CUDA_VISIBLE_DEVICES, or None.
    """

    loaded: bool
    library: bool
    lists: str | None
    visible: str | None


def driver() -> Driver:
    """Looks for the driver of this machine."""
    command = shutil.which("nvidia-smi")
    lists = None
    if command:
        try:
            done = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=60)
            lists = done.stdout.strip() if done.returncode == 0 else ""
        except (OSError, subprocess.TimeoutExpired):
            lists = ""
    return Driver(
        loaded=pathlib.Path("/proc/driver/nvidia/version").is_file(),
        library=_loads("libcuda.so.1"),
        lists=lists,
        visible=os.environ.get("CUDA_VISIBLE_DEVICES"),
    )


def _loads(library):
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _devices(facts):
    yield Finding("ok", f"CPU with {os.cpu_count()} cores")
    for number, name in enumerate(facts["gpus"]):
        yield Finding("ok", f"GPU:{number}, {name}")
    if not facts["gpus"]:
        yield why_no_gpu(facts, driver())


def why_no_gpu(facts: dict, driver: Driver) -> Finding:
    """Why TensorFlow sees no GPU; only wrong if the machine has one.

    Args:
        facts: What `examination` says of TensorFlow.
        driver: What the machine says.
    """
    if not (driver.loaded or driver.library or driver.lists):
        return Finding(
            "note",
            "No GPU: this machine has no NVIDIA driver, so training runs on the CPU. If it has a "
            "GPU, install its driver; a container must be given the GPUs, as by docker run --gpus "
            "all",
        )
    if driver.visible is not None and driver.visible.strip() in ("", "-1", "none", "NoDevFiles"):
        return Finding(
            "note",
            f"No GPU: CUDA_VISIBLE_DEVICES={driver.visible!r} hides all of them. Unset it to use "
            "them",
        )
    if not facts["with_cuda"]:
        return Finding(
            "WRONG",
            "No GPU: this TensorFlow was built without CUDA, as the wheel tensorflow-cpu is. "
            f"Uninstall it, then {_WITH_CUDA}",
        )
    if not driver.library:
        return Finding(
            "WRONG",
            "No GPU: the NVIDIA driver is loaded, but its library libcuda.so.1 is not found. "
            "Install the whole driver; a container must be started with the GPUs, as by docker run "
            "--gpus all",
        )
    if driver.lists == "":
        return Finding(
            "WRONG",
            "No GPU: nvidia-smi finds none, although there is an NVIDIA driver. Run nvidia-smi to "
            "see why; after an update of the driver the machine must be restarted",
        )
    missing = _missing_cuda(facts)
    if missing:
        return Finding(
            "WRONG",
            f"No GPU: libraries of CUDA {facts['cuda']} and cuDNN {facts['cudnn']} are missing "
            f"({', '.join(missing)}). {_WITH_CUDA}",
        )
    return Finding(
        "WRONG",
        f"No GPU: TensorFlow sees none, although the driver lists {driver.lists or 'some'}. Run "
        "TF_CPP_MIN_LOG_LEVEL=0 python -c 'import tensorflow as tf; "
        'tf.config.list_physical_devices("GPU")\' to see why',
    )


def _missing_cuda(facts):
    """The CUDA libraries that neither pip nor the system has installed."""
    wheels = requirements.of("tensorflow", extra="and-cuda")
    if wheels and all(wheel.fits for wheel in wheels):
        return []
    major = str(facts["cuda"]).partition(".")[0]
    names = (f"libcudart.so.{major}", f"libcublas.so.{major}", f"libcudnn.so.{facts['cudnn']}")
    return [name for name in names if not _loads(name)]


@dataclasses.dataclass(frozen=True)
class _Offer:
    kind: str
    entry: registry.Entry


def _offers():
    return [_Offer(kind, entry) for kind, known in _KINDS.items() for entry in known.entries()]


def _subject(offer):
    return f"{offer.kind} {offer.entry.name}"


def _conflicts():
    """`(kind, name)` of what is offered more than once."""
    names = [(offer.kind, offer.entry.name) for offer in _offers()]
    return sorted({name for name in names if names.count(name) > 1})


def _plugins(offers, clashes, answers):
    for where, why in registry.unreadable().items():
        yield Finding("WRONG", f"The metadata in {where} cannot be read: {why}. Install it anew")
    by_distribution = {}
    for offer in offers:
        entry = offer.entry
        by_distribution.setdefault((entry.distribution, entry.version), []).append(offer)
    for (distribution, version), theirs in sorted(by_distribution.items()):
        yield from _distribution(distribution, version, theirs, clashes, answers)
    for kind, name in clashes:
        origins = [
            f"{offer.entry.distribution} {offer.entry.version}"
            for offer in offers
            if (offer.kind, offer.entry.name) == (kind, name)
        ]
        yield Finding(
            "WRONG",
            f"{_KINDS[kind].noun.capitalize()} '{name}' is offered by {' and '.join(origins)}, so "
            "that neither can be used. Uninstall one of them, or leave one out by "
            f"{registry.DISABLE}={origins[-1].partition(' ')[0]}",
        )
    yield from _disabled()


def _distribution(distribution, version, offers, clashes, answers):
    """What one distribution offers, then what is wrong with it; an equal reason once."""
    errors = {offer: _error(offer, answers) for offer in offers}
    fit = [
        offer
        for offer, error in errors.items()
        if error is None and (offer.kind, offer.entry.name) not in clashes
    ]
    if fit:
        listed = (
            f"{kind} {', '.join(offer.entry.name for offer in fit if offer.kind == kind)}"
            for kind in _KINDS
            if any(offer.kind == kind for offer in fit)
        )
        tried = all(_subject(offer) in answers for offer in fit)
        yield Finding("ok" if tried else "note", f"{distribution} {version}: {'; '.join(listed)}")
    if distribution != "sslkeras":  # Its needs are told under Versions.
        for needed in requirements.of(distribution):
            if not needed.fits:
                have = "is not installed" if needed.missing else f"is {needed.have} here"
                yield Finding(
                    "WRONG",
                    f"{distribution} {version} needs {needed}, which {have}. {needed.pip}",
                )
    for error in dict.fromkeys(error for error in errors.values() if error):
        yield Finding("WRONG", error)


def _error(offer, answers):
    """Why an offer does not load, or None."""
    entry, noun = offer.entry, _KINDS[offer.kind].noun.capitalize()
    answer = answers.get(_subject(offer))
    error = answer.error if answer else None
    if error is None and entry.missing:
        error = f"there is no module {entry.module}. Install it anew or remove it"
    if error is None or error.startswith(f"{noun} '{entry.name}'"):
        return error
    return f"{noun} '{entry.name}' ({entry.origin}): {error}"


def _disabled():
    words = registry.disabled()
    out = [entry for known in _KINDS.values() for entry in known.disabled_entries()]
    for word in words:
        names = [f"{e.name} ({e.distribution})" for e in out if e.disabled_by == word]
        if names:
            yield Finding("note", f"Disabled by {registry.DISABLE}, '{word}': {', '.join(names)}")
            continue
        known = {
            word
            for each in _KINDS.values()
            for entry in [*each.entries(), *each.disabled_entries()]
            for word in (entry.name, entry.distribution)
        }
        yield Finding(
            "WRONG",
            f"{registry.DISABLE} names '{word}', which is no installed distribution and nothing "
            f"that one offers.{notation.suggest(word, sorted(known))} Take it out, or mend it",
        )


def _untried(what):
    return Finding("note", f"{what} were not tried, as TensorFlow cannot be imported")


def _shown(finding):
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 100)
    text = finding.text if finding.text.endswith(".") else finding.text + "."
    return textwrap.fill(
        text,
        width,
        initial_indent=f"  {finding.status:<7}",
        subsequent_indent=" " * 9,
        break_on_hyphens=False,
        break_long_words=False,
    )
