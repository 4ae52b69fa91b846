"""Files of others: whatever they say, no code of theirs runs and no error is without words.

The payload of each file touches a marker. Where the format itself would run it, a test
shows that the payload is live, so that the others cannot pass for the wrong reason.
"""

import ast
import hashlib
import importlib
import json
import os
import pathlib
import pickle
import struct
import sys
import zipfile

import keras
import numpy as np
import pytest

import sslkeras
from sslkeras import registry
from sslkeras.errors import CheckpointError, ConfigurationError, DataError, RunError, SslkerasError
from sslkeras.evaluation import result
from sslkeras.training import optimizers, run_folder, strategies

ROOT = pathlib.Path(__file__).resolve().parent.parent
opened = []
sys.addaudithook(lambda event, arguments: event == "open" and opened.append(str(arguments[0])))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A run of a task that is installed, and a module whose import touches the marker."""
    folder = tmp_path_factory.mktemp("security")
    info = folder / "toy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sslkeras.tasks]\ntoy_denoise = tests.toys:Denoise\n")
    marker = folder / "marker"
    (folder / "ssl_payload.py").write_text(
        f"import pathlib; pathlib.Path({str(marker)!r}).touch()\nclass Payload: pass\n"
    )
    images = np.random.default_rng(0).integers(0, 255, (20, 4, 4, 1), dtype=np.uint8)
    np.savez(folder / "images.npz", x=images)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setattr(sys, "dont_write_bytecode", True)
        importlib.invalidate_caches()
        sslkeras.pretrain(
            "toy_denoise",
            f"npz({str(folder / 'images.npz')!r})",
            "mlp(hidden_sizes=(3,))",
            output=folder / "run",
            steps=1,
            batch_size=4,
        )
        yield folder


@pytest.fixture
def marker(world):
    """The file that no payload may have made when the test ends."""
    yield world / "marker"
    ran = (world / "marker").exists()
    (world / "marker").unlink(missing_ok=True)
    sys.modules.pop("ssl_payload", None)
    assert not ran, "the payload was run"


@pytest.fixture
def code(marker):
    """An expression that touches the marker."""
    return f"__import__('pathlib').Path({str(marker)!r}).touch()"


@pytest.fixture
def run(world, tmp_path):
    """A copy of the run, to be spoilt."""
    for path in (world / "run").rglob("*"):
        if path.is_file():
            copy = tmp_path / "run" / path.relative_to(world / "run")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return tmp_path / "run"


def rewrite(run, change):
    path = run / "run.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(change(config) or config))


def in_three_parts(error):
    text = str(error.value)
    assert "eceived" in text or "installed" in text, text
    assert len(text) < 3000


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.marker),)


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_run_that_nobody_spoilt_is_loaded(run, marker):
    assert sslkeras.load_run(run).finished
    assert sslkeras.load_encoder(run).name == "encoder"


@pytest.mark.parametrize("part", ["task", "dataset", "encoder"])
def test_a_name_that_is_code_or_a_module_is_only_an_unknown_name(run, code, part):
    for name in (code, "ssl_payload:Payload", "ssl_payload", "../ssl_payload", "", "x" * 10**5):
        rewrite(run, lambda config, name=name: config[part].update(name=name))

        with pytest.raises(SslkerasError) as error:
            sslkeras.load_run(run)
        assert "is installed" in str(error.value)


@pytest.mark.parametrize("part", ["task", "dataset", "encoder"])
def test_a_class_path_instead_of_a_name_is_not_imported(run, marker, part):
    rewrite(run, lambda config: config.update({part: {"class": "ssl_payload:Payload"}}))

    with pytest.raises(RunError, match="came from user code .ssl_payload:Payload. and must be"):
        sslkeras.load_run(run)


@pytest.mark.parametrize(
    "value",
    [None, 3, "toy_denoise", [], ["name"], {}, {"name": None}, {"name": ["a"]}, {"name": {}}],
    ids=str,
)
@pytest.mark.parametrize("part", ["task", "dataset", "encoder"])
def test_parts_of_a_wrong_type_are_refused(run, marker, part, value):
    rewrite(run, lambda config: config.update({part: value}))

    with pytest.raises(RunError, match=f"'{part}' in run.json must") as error:
        sslkeras.load_run(run)
    in_three_parts(error)


def test_arguments_are_values_and_never_code(run, code):
    for arguments in (
        [1],
        code,
        {"level": code},
        {"level": {"class_name": "Lambda", "module": "ssl_payload"}},
        {"level": nested(200)},
        {"self": 1},
        {"__class__": "ssl_payload"},
        {code: 1},
        {"level": 10**400},
    ):
        rewrite(run, lambda config, given=arguments: config["task"].update(arguments=given))

        with pytest.raises(SslkerasError) as error:
            sslkeras.load_run(run)
        in_three_parts(error)


@pytest.mark.parametrize(
    "dataset",
    [
        {"name": "tfds", "arguments": {"name": "huggingface:evil/script"}},
        {"name": "tfds", "arguments": {"name": "somebody:evil"}},
        {"name": "npz", "arguments": {"path": "/dev/null"}},
        {"name": "npz", "arguments": {"path": ["a"]}},
        {"name": "npz", "arguments": {}},
    ],
    ids=str,
)
def test_datasets_that_would_run_code_or_are_none_are_refused(run, marker, dataset):
    rewrite(run, lambda config: config.update(dataset=dataset))

    with pytest.raises(SslkerasError) as error:
        sslkeras.load_run(run)
    in_three_parts(error)


def test_a_namespace_of_tfds_is_refused_before_the_package_is_asked():
    with pytest.raises(DataError, match="downloads code and runs it. Received: 'huggingface:x'"):
        registry.datasets.create("tfds('huggingface:x')")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_encoders_take_no_files_and_no_other_attribute_of_keras(run, marker, tmp_path):
    lambda_h5(tmp_path / "evil.h5", marker)
    for arguments in (
        {"name": "MobileNet", "weights": str(tmp_path / "evil.h5")},
        {"name": "os.system"},
        {"name": "__builtins__"},
    ):
        rewrite(
            run,
            lambda config, given=arguments: config["encoder"].update(
                name="applications", arguments=given
            ),
        )

        with pytest.raises(ConfigurationError):
            sslkeras.load_run(run)


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, "", "[]", "3", "\x00", "9" * 9999])
def test_files_that_are_no_object_are_refused(run, marker, text):
    (run / "run.json").write_text(text)

    with pytest.raises(RunError, match="run.json must") as error:
        sslkeras.load_run(run)
    in_three_parts(error)


@pytest.mark.parametrize("settings", [None, 3, "seed", ["seed"]], ids=str)
def test_settings_of_a_wrong_type_are_refused(run, marker, settings):
    rewrite(run, lambda config: config.update(settings=settings))

    with pytest.raises(RunError, match="'settings' in run.json must give"):
        sslkeras.load_run(run)


def test_settings_out_of_range_are_refused_and_names_in_them_not_used(run, code):
    rewrite(run, lambda config: config["settings"].update(optimizer=code, schedule=code))
    assert sslkeras.load_run(run).finished

    for setting in ({"seed": "0"}, {"batch_size": -1}, {"batch_size": None}, {"optimizer": []}):
        rewrite(run, lambda config, given=setting: config["settings"].update(given))
        with pytest.raises(RunError, match="run.json must hold possible settings") as error:
            sslkeras.load_run(run)
        in_three_parts(error)


def test_other_words_in_it_lead_nowhere(run, marker, tmp_path):
    lead = {"checkpoints": str(tmp_path / "elsewhere"), "folder": "/", "model": "encoder.keras"}
    rewrite(run, lambda config: config.update(lead))

    assert sslkeras.load_run(run).folder == run


def module_keras(path):
    """A .keras file that names a module of its own for the model."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(path)
    with zipfile.ZipFile(path) as file:
        held = {name: file.read(name) for name in file.namelist()}
    config = json.loads(held["config.json"])
    config.update(module="ssl_payload", class_name="Payload", registered_name=None)
    held["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in held.items():
            file.writestr(name, content)


def lambda_h5(path, marker):
    """An .h5 file whose Lambda layer touches the marker."""
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    layer = keras.layers.Lambda(eval(f"lambda x: [x, {code}][0]"), output_shape=(2,))
    inputs = keras.Input((2,))
    keras.Model(inputs, layer(inputs)).save(path)
    marker.unlink()  # Building it ran it.


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_the_payloads_are_live_where_keras_loads_the_model(world, tmp_path):
    marker = world / "marker"
    module_keras(tmp_path / "evil.keras")
    with pytest.raises(Exception):  # noqa: B017 - what it imported is no model.
        keras.models.load_model(tmp_path / "evil.keras")
    assert marker.exists()
    marker.unlink()
    lambda_h5(tmp_path / "evil.h5", marker)
    sys.modules.pop("ssl_payload", None)

    keras.models.load_model(tmp_path / "evil.h5")

    assert marker.exists()
    marker.unlink()


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_model_files_in_a_run_are_never_opened(run, marker):
    module_keras(run / "encoder.keras")
    lambda_h5(run / "encoder.h5", marker)
    opened.clear()

    sslkeras.load_run(run)
    sslkeras.load_encoder(run)

    assert any(path.endswith("run.json") for path in opened)
    assert [path for path in opened if path.endswith((".keras", ".h5"))] == []


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_a_model_file_is_no_run_and_no_dataset(marker, tmp_path):
    module_keras(tmp_path / "evil.keras")
    lambda_h5(tmp_path / "evil.h5", marker)

    for name in ("evil.keras", "evil.h5"):
        with pytest.raises(RunError):
            sslkeras.load_run(tmp_path / name)
        with pytest.raises(RunError):
            sslkeras.load_encoder(tmp_path / name)
        with pytest.raises(DataError):
            registry.datasets.create(f"npz({str(tmp_path / name)!r})")
        with pytest.raises(SslkerasError):
            registry.encoders.create(str(tmp_path / name))


def test_registering_the_classes_of_a_model_file_imports_no_other_module(marker, tmp_path):
    module_keras(tmp_path / "evil.keras")

    sslkeras.register_classes(tmp_path / "evil.keras")

    assert "ssl_payload" not in sys.modules


def manifest_of(run):
    path = max((run / "checkpoints").glob("ckpt-*.json"), key=lambda path: path.stat().st_mtime)
    return path, json.loads(path.read_text())


@pytest.mark.parametrize("elsewhere", ["../../secret", "/etc/hostname", "ckpt-1.data/../../x"])
def test_a_checkpoint_that_names_files_elsewhere_reads_none(run, marker, elsewhere):
    for path in (run / "checkpoints").glob("ckpt-*.json"):
        path.write_text(json.dumps({"position": {}, "files": {elsewhere: {"bytes": 0}}}))
    opened.clear()

    with pytest.raises(CheckpointError, match="all damaged"):
        sslkeras.load_run(run)

    assert [path for path in opened if path.endswith(elsewhere[-6:])] == []


@pytest.mark.parametrize(
    "text", ["[" * 10**5, "3", '{"files": 3}', '{"files": {}, "position": []}']
)
def test_manifests_that_are_none_are_refused(run, marker, text):
    for path in (run / "checkpoints").glob("ckpt-*.json"):
        path.write_text(text)

    with pytest.raises(CheckpointError, match="all damaged"):
        sslkeras.load_run(run)


def test_weights_that_are_pickles_or_noise_are_refused(run, marker):
    for content in (pickle.dumps(Payload(marker)), os.urandom(999), b""):
        for path in (run / "checkpoints").glob("ckpt-*.json"):
            manifest = json.loads(path.read_text())
            for name in manifest["files"]:
                (path.parent / name).write_bytes(content)
                facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                manifest["files"][name] = facts
            path.write_text(json.dumps(manifest))

        with pytest.raises(CheckpointError, match="must hold the weights"):
            sslkeras.load_run(run)


@pytest.mark.parametrize("text", ['a,b\n1,"', "a\n1,2,3\n", "a\n\x00\udcff", "a\n" + "9" * 200_000])
def test_a_history_that_is_none_is_refused(run, marker, text):
    (run / "history.csv").write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(RunError, match="history.csv must"):
        sslkeras.load_run(run)


@pytest.mark.parametrize("text", ["[" * 10**5, "[]", '{"probes": [3]}', '{"probes": {}}', "\x00"])
def test_an_evaluation_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "evaluation.json").write_text(text)

    with pytest.raises(RunError, match="must be a file that `evaluate` wrote"):
        result.read(tmp_path / "evaluation.json")


def test_loading_changes_nothing_also_behind_links(run, marker, tmp_path):
    (run / "checkpoints").rename(tmp_path / "moved")
    (run / "checkpoints").symlink_to(tmp_path / "moved")
    (run / "encoder.keras").unlink()
    (run / "encoder.keras").symlink_to(ROOT / "setup.py")

    def state():
        files = (path for path in tmp_path.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()

    assert sslkeras.load_run(run).finished
    assert state() == before


def test_opening_a_run_to_train_empties_no_file_that_its_lock_links_to(run, marker, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (run / ".lock").unlink(missing_ok=True)
    (run / ".lock").symlink_to(tmp_path / "mine")
    folder = run_folder.RunFolder(run)

    folder.open(folder.config())
    folder.close()

    assert (tmp_path / "mine").read_text() == "mine"


def test_text_files_replace_a_link_and_leave_what_it_leads_to(run, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (run / "timing.json").unlink(missing_ok=True)
    (run / "timing.json").symlink_to(tmp_path / "mine")

    run_folder.RunFolder(run).add_timing({})

    assert (tmp_path / "mine").read_text() == "mine"
    assert not (run / "timing.json").is_symlink()


IMAGES = np.zeros((4, 2, 2), np.uint8)


def test_the_pickled_payload_is_live_where_pickle_is_allowed(world, tmp_path):
    marker = world / "marker"
    np.savez(tmp_path / "evil.npz", x=np.array([Payload(marker)], object))

    with np.load(tmp_path / "evil.npz", allow_pickle=True) as file:
        file["x"]

    assert marker.exists()
    marker.unlink()


@pytest.mark.parametrize("key", ["x", "y", "classes", "more", "x_test"])
def test_pickled_objects_in_an_npz_are_refused(marker, tmp_path, key):
    evil = np.array([Payload(marker)] * 4, object)
    np.savez(tmp_path / "evil.npz", **{"x": IMAGES, key: evil})

    with pytest.raises(DataError, match="unpickling could run any code.*'" + key) as error:
        registry.datasets.create(f"npz({str(tmp_path / 'evil.npz')!r})")
    in_three_parts(error)


def npy(header):
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def test_npz_files_that_are_none_are_refused(marker, code, tmp_path):
    path = tmp_path / "evil.npz"
    huge = "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999, 2, 2)}"
    for header in (code, f"{{'descr': {code}}}", "(" * 99, huge, "{'descr': '|O'}", ""):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("x.npy", npy(header))
        with pytest.raises(DataError) as error:
            registry.datasets.create(f"npz({str(path)!r})")
        in_three_parts(error)


def test_npz_files_with_an_impossible_archive_are_refused(marker, tmp_path):
    path = tmp_path / "evil.npz"
    np.savez_compressed(path, x=IMAGES)
    sound = bytearray(path.read_bytes())
    directory = sound.rindex(b"PK\x01\x02")
    encrypted, method, damaged = (bytearray(sound) for _ in range(3))
    encrypted[directory + 8] |= 1
    encrypted[6] |= 1
    method[directory + 10] = method[8] = 99
    damaged[60:70] = b"\xff" * 10
    for content in (encrypted, method, damaged, sound[:50], pickle.dumps(Payload(marker))):
        path.write_bytes(content)
        with pytest.raises(DataError) as error:
            registry.datasets.create(f"npz({str(path)!r})")
        in_three_parts(error)


@pytest.mark.parametrize(
    "text",
    [
        "{code}",
        "toy_denoise(level={code})",
        "toy_denoise(**{code})",
        "toy_denoise(level=[{code} for _ in (1,)])",
        "toy_denoise(level=f'{{{code}}}')",
        "toy_denoise(level=lambda: {code})",
        "ssl_payload.Payload()",
        "ssl_payload:Payload",
        "toy_denoise()({code})",
        "npz({code})",
        "adam(learning_rate={code})",
        "mirrored(devices={code})",
        "cosine(warmup={code})",
    ],
)
def test_names_with_code_are_refused_wherever_a_name_is_taken(code, text):
    text = text.format(code=code)
    for make in (
        registry.tasks.create,
        registry.datasets.create,
        registry.encoders.create,
        registry.probes.create,
        strategies.create_strategy,
        lambda text: optimizers.create_optimizer(text, learning_rate=0.1),
    ):
        with pytest.raises(SslkerasError):
            make(text)


CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "yaml.load",
    "tf.saved_model.load",
}
ENDINGS = {
    "load_model",
    "model_from_json",
    "model_from_config",
    "deserialize_keras_object",
    "enable_unsafe_deserialization",
}
MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def dangers(tree):
    """What in a module could run code that a file brings."""
    # A layer's from_config makes the layers it holds; it runs where its user loads a model.
    makers = [node for node in ast.walk(tree) if getattr(node, "name", None) == "from_config"]
    inner = {id(node) for maker in makers for node in ast.walk(maker)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.endswith(".deserialize_keras_object") and id(node) in inner:
                continue
            if called in CALLS or called.rpartition(".")[2] in ENDINGS:
                yield called
            for keyword in node.keywords:
                value = getattr(keyword.value, "value", True)
                if (keyword.arg, value) in (("allow_pickle", True), ("safe_mode", False)):
                    yield f"{keyword.arg}={value}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
            yield from MODULES & {name.partition(".")[0] for name in names if name}


def test_no_source_of_ours_could_run_code_of_a_file():
    found = [
        f"{path.relative_to(ROOT)}: {danger}"
        for folder in ("sslkeras", "plugins", "examples")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "tests" not in path.parts
        for danger in dangers(ast.parse(path.read_text(encoding="utf-8")))
    ]

    # The kit of checks saves a model and loads it again, in a folder it made itself.
    assert [one for one in found if not one.startswith("sslkeras/testing/")] == []


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=wish)",
        "keras.models.load_model(path)",
        "import pickle",
        "from pickle import loads",
        "keras.saving.load_model(path, safe_mode=False)",
    ],
)
def test_the_look_at_the_source_would_find(source):
    assert list(dangers(ast.parse(source)))
