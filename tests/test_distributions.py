"""The wheels of the core, the bundled plugins and a stranger's, in an environment of their own.

Nothing is downloaded: the environment reaches what is installed here (TensorFlow takes
minutes) through a folder of links, without the installs of sslkeras itself.
"""

import importlib.metadata
import os
import pathlib
import re
import shutil
import site
import subprocess
import sys
import sysconfig
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
STRANGER = ROOT / "examples" / "third_party_plugin"
SOURCES = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")), STRANGER]
OURS = re.compile(r"(__editable__.*|_*)sslkeras.*|.*\.pth|__pycache__")
SITES = [pathlib.Path(there).resolve() for there in site.getsitepackages()]
TINY = ("--dataset=digits", "--encoder=mlp(hidden_sizes=(8,))", "--batch_size=16", "--steps=2")


class Environment:
    """A virtual environment in `folder`."""

    def __init__(self, folder):
        self.folder = folder
        made = run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], folder)
        assert made.returncode == 0, made.stderr
        self.bin = folder / "venv" / "bin"
        scheme = sysconfig.get_path("purelib", "venv", {"base": str(folder / "venv")})
        self.site = pathlib.Path(scheme)
        links = folder / "links"
        links.mkdir()
        found = importlib.metadata.distributions()
        for there in sorted({pathlib.Path(each.locate_file("")).resolve() for each in found}):
            if ROOT in [there, *there.parents] and there not in SITES:
                continue  # The sources, beside which setuptools leaves metadata.
            for path in there.glob("*"):
                if not OURS.fullmatch(path.name) and not (links / path.name).exists():
                    (links / path.name).symlink_to(path)
        (self.site / "links.pth").write_text(f"{links}\n")

    def pip(self, *words):
        done = run([self.bin / "python", "-m", "pip", "-q", *words], self.folder)
        assert done.returncode == 0, done.stderr
        return done

    def sslkeras(self, *words, **variables):
        return run([self.bin / "sslkeras", *words], self.folder, **variables)


def run(words, folder, **variables):
    environment = {name: value for name, value in os.environ.items() if name[:6] != "PYTHON"}
    environment |= {
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INDEX": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "COLUMNS": "100",
    }
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Folder of a source tree to its wheel; in "sources" beside them what they are built from."""
    folder = tmp_path_factory.mktemp("wheels")
    built = {}
    # Built from copies, as setuptools leaves folders in the tree.
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*", "runs")
    copies = []
    for source in SOURCES:
        copy = folder / "sources" / source.name
        if source == ROOT:
            copy.mkdir(parents=True)
            for name in ("setup.py", "pyproject.toml", "README.md"):
                shutil.copy(source / name, copy)
            shutil.copytree(source / "sslkeras", copy / "sslkeras", ignore=ignored)
            # What must not get into the wheel of the core.
            for name in ("tests", "plugins"):
                (copy / name).mkdir()
                (copy / name / "__init__.py").touch()
        else:
            shutil.copytree(source, copy, ignore=ignored)
        copies.append(copy)
    done = run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", *copies],
        folder,
    )
    assert done.returncode == 0, done.stderr
    for source in SOURCES:
        name = distribution(source).replace("-", "_")
        (built[source],) = folder.glob(f"{name}-[0-9]*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheels, tmp_path_factory):
    """Everything installed from the wheels, with what it requires."""
    made = Environment(tmp_path_factory.mktemp("environment"))
    # pip sees the links and asks for what is missing or does not fit.
    made.pip("install", *wheels.values())
    return made


def distribution(source):
    if source == ROOT:
        return "sslkeras"
    return re.search(r'^name = "(.+)"', (source / "pyproject.toml").read_text(), re.M)[1]


def offered(source):
    """Names of tasks in a plugin's pyproject.toml."""
    section = (
        (source / "pyproject.toml").read_text().split('[project.entry-points."sslkeras.tasks"]')
    )
    return re.findall(r"^(\w+) = ", section[1].split("\n[")[0], re.M)


def write_wheel(folder, name, *, offers, module, requires=()):
    """A wheel with one module that offers tasks."""
    stem = f"{name.replace('-', '_')}-1.0"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    files = {
        f"{name.replace('-', '_')}.py": module,
        f"{stem}.dist-info/METADATA": metadata + "".join(f"Requires-Dist: {r}\n" for r in requires),
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": "[sslkeras.tasks]\n"
        + "".join(f"{one} = {name.replace('-', '_')}:Task\n" for one in offers),
    }
    record = f"{stem}.dist-info/RECORD"
    files[record] = "".join(f"{file},,\n" for file in [*files, record])
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return path


@pytest.mark.parametrize("source", SOURCES, ids=distribution)
def test_a_wheel_holds_the_modules_of_its_package_and_nothing_else(wheels, source):
    built_from = wheels[source].parent / "sources" / source.name
    packages = [path.parent for path in built_from.glob("sslkeras*/__init__.py")]
    modules = {
        path.relative_to(built_from).as_posix() for each in packages for path in each.rglob("*.py")
    }

    with zipfile.ZipFile(wheels[source]) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert modules
    assert held == modules


def test_what_is_found_comes_from_the_wheels(environment):
    code = (
        "from sslkeras import registry\n"
        "for known in (registry.tasks, registry.datasets, registry.encoders, registry.probes):\n"
        "    for entry in known.entries():\n"
        "        print(entry.name, registry._spec(entry.module).origin)\n"
    )

    done = run([environment.bin / "python", "-c", code], environment.folder)

    assert (done.returncode, done.stderr) == (0, "")
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert {"digits", "mlp", "linear"} <= set(found)
    for source in SOURCES[1:]:
        assert set(offered(source)) <= set(found)
    assert [
        path for path in found.values() if environment.site not in pathlib.Path(path).parents
    ] == []


def test_a_strangers_task_is_listed_and_trained_by_the_command(environment):
    listed = environment.sslkeras("list")
    trained = environment.sslkeras(
        "train", "--task=rotation(quarter_turns=(0, 2))", *TINY, "--output=run"
    )

    assert (listed.returncode, listed.stderr) == (0, "")
    assert f"rotation                    {distribution(STRANGER)} 0.1.0\n" in listed.stdout
    assert "BROKEN" not in listed.stdout and "CONFLICT" not in listed.stdout
    assert trained.returncode == 0, trained.stderr
    assert "Surrogate task at the end: loss" in trained.stdout
    assert (environment.folder / "run" / "encoder.keras").is_file()


def test_a_strangers_tests_pass_with_what_is_installed(environment, tmp_path):
    shutil.copytree(STRANGER / "tests", tmp_path / "tests")

    done = run([environment.bin / "python", "-m", "pytest", "-q", "tests"], tmp_path)

    assert done.returncode == 0, done.stdout[-4000:]


def test_broken_plugins_are_marked_and_harm_no_other(environment, tmp_path):
    fine = 'class Task:\n    """Fine words."""\n'
    toys = {
        "acme-raises": {"module": fine + "raise OSError('no licence')\n", "offers": ["raises"]},
        "acme-lacks": {
            "module": "import acme_dependency\n" + fine,
            "offers": ["lacks"],
            "requires": ["acme-dependency>=2"],
        },
        "acme-one": {"module": fine, "offers": ["twin"]},
        "acme-two": {"module": fine, "offers": ["twin"]},
    }
    paths = [write_wheel(tmp_path, name, **toy) for name, toy in toys.items()]
    environment.pip("install", "--no-deps", *paths)
    try:
        listed = environment.sslkeras("list")
        doctor = environment.sslkeras("doctor")
        full = environment.sslkeras("list", "rotation")
        raises = environment.sslkeras("list", "raises")
        twin = environment.sslkeras("list", "twin", SSLKERAS_DISABLE_PLUGINS="acme-one")
    finally:
        environment.pip("uninstall", "-y", *toys)

    assert (listed.returncode, listed.stderr) == (0, "")
    words = " ".join(listed.stdout.split())
    assert "lacks acme-lacks 1.0 BROKEN: it needs acme-dependency>=2; install" in words
    for name in ("acme-one", "acme-two"):
        assert f"twin {name} 1.0 CONFLICT: offered more than once" in words
    assert (full.returncode, full.stderr) == (0, "")
    assert full.stdout.startswith("Task 'rotation'\nfrom sslkeras-rotation 0.1.0")
    assert (raises.returncode, raises.stdout) == (1, "")
    assert (
        "'raises' (acme-raises 1.0, acme_raises:Task) failed to import: OSError: no"
        in raises.stderr
    )
    # Without its twin it is looked at, and refused for what it is.
    assert "Task 'twin' (acme-two 1.0) must be a subclass of sslkeras.Task" in twin.stderr
    told = " ".join(doctor.stdout.split())
    assert doctor.returncode == 1
    assert "ok sslkeras-rotation 0.1.0: tasks rotation." in told
    assert "WRONG Task 'raises' (acme-raises 1.0" in told
    assert "WRONG acme-lacks 1.0 needs acme-dependency>=2, which is not installed." in told
    assert "WRONG Task 'twin' is offered by acme-one 1.0 and acme-two 1.0" in told


def test_an_uninstalled_plugin_is_gone_and_the_rest_stays(environment, wheels):
    environment.pip("uninstall", "-y", distribution(STRANGER))
    try:
        listed = environment.sslkeras("list")
        trained = environment.sslkeras("train", "--task=rotation", *TINY)
    finally:
        environment.pip("install", "--no-deps", wheels[STRANGER])

    assert "rotation" not in listed.stdout
    assert f"{offered(SOURCES[1])[0]} " in listed.stdout
    assert trained.returncode == 1
    assert trained.stderr.startswith("error: No task 'rotation' is installed.")
