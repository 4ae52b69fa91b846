"""Tests of `sslkeras doctor`: whole environments by the command, GPUs by what they answer."""

import pytest

from sslkeras.commands import doctor, examination

# A TensorFlow that is imported at once, to look at other things only.
TOY_TENSORFLOW = """
__version__ = "2.15.1"
class sysconfig:
    get_build_info = dict
class test:
    is_built_with_cuda = staticmethod(lambda: True)
class config:
    list_physical_devices = staticmethod(lambda kind: [])
"""


@pytest.fixture
def quick(tmp_path):
    (tmp_path / "tensorflow.py").write_text(TOY_TENSORFLOW)
    (tmp_path / "keras.py").write_text("__version__ = '2.15.0'\n")


def words(done):
    return " ".join(done.stdout.split())


def test_this_environment_is_told_in_full(sslkeras):
    done = sslkeras("doctor")

    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if line and not line.startswith(" ")][:4] == [
        "Versions",
        "TensorFlow",
        "Devices",
        "Plugins",
    ]
    text = words(done)
    for name in ("Python", "tensorflow", "keras", "tensorflow-addons", "tf-keras-vis", "numpy"):
        assert f"ok {name} " in text
    assert "ok The compiled ops of tensorflow-addons load." in text
    assert "digits" in text and "linear" in text
    assert done.returncode == ("WRONG" in text)
    assert ("Nothing is wrong." in text) == (done.returncode == 0)


def test_a_tensorflow_that_cannot_be_imported_is_told_and_nothing_else_tried(sslkeras, tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('DLL load failed')\n")

    done = sslkeras("doctor")

    assert (done.returncode, done.stderr) == (1, "")
    text = words(done)
    assert "WRONG TensorFlow cannot be imported, so that only `sslkeras list` works" in text
    assert "ImportError: DLL load failed." in text
    assert "note GPUs were not tried" in text and "note Plugins were not tried" in text
    assert "1 thing is wrong" in text


def test_a_tensorflow_that_aborts_the_process_is_told(sslkeras, tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os, sys; print('needs AVX', file=sys.stderr, flush=True); os.abort()\n"
    )

    done = sslkeras("doctor")

    assert done.returncode == 1
    assert "it ended the process (killed by signal 6): needs AVX." in words(done)


def test_each_broken_plugin_is_told_with_its_reason_and_the_others_load(
    sslkeras, install, tmp_path, quick
):
    failing = {
        "raises": "print('noise'); raise RuntimeError('no licence')",
        "exits": "import os; os._exit(7)",
        "lacks": "import ssl_no_such_package",
    }
    for name, source in failing.items():
        (tmp_path / f"ssl_{name}.py").write_text(source + "\n")
        install(f"acme_{name}", "sslkeras.tasks", {name: f"ssl_{name}:X"})
    install("acme-gone", "sslkeras.tasks", {"gone": "ssl_no_such_module:X"})
    install("acme-twice", "sslkeras.datasets", {"npz": "ssl_raises:X"})
    (tmp_path / "acme_lacks-1.2.dist-info/METADATA").open("a").write(
        "Requires-Dist: ssl-no-such-package>=3\n"
    )

    done = sslkeras("doctor", SSLKERAS_DISABLE_PLUGINS="acme-gne, knn")

    text = words(done)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert (
        "WRONG Task 'raises' (acme-raises 1.2, ssl_raises:X) failed to import: RuntimeError: "
        "no licence." in text
    )
    assert "'exits' (acme-exits 1.2, ssl_exits:X): it ended the process (exit status 7)" in text
    assert "'lacks' (acme-lacks 1.2, ssl_lacks:X) failed to import: ModuleNotFoundError" in text
    assert (
        "WRONG acme-lacks 1.2 needs ssl-no-such-package>=3, which is not installed. pip install "
        "'ssl-no-such-package>=3'." in text
    )
    assert "'gone' (acme-gone 1.2, ssl_no_such_module:X) failed to import" in text
    assert "WRONG Dataset 'npz' is offered by acme-twice 1.2 and sslkeras " in text
    assert "note Disabled by SSLKERAS_DISABLE_PLUGINS, 'knn': knn (sslkeras)." in text
    assert "names 'acme-gne', which is no installed distribution" in text
    assert "Did you mean 'acme-gone'" in text
    assert "noise" not in done.stdout


def test_a_plugin_that_never_comes_back_is_told_and_the_next_is_tried(tmp_path, monkeypatch):
    (tmp_path / "ssl_slow.py").write_text("import time; time.sleep(60)\n")
    folder = tmp_path / "slow-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[sslkeras.tasks]\nslow = ssl_slow:X\ngone = ssl_no_such_module:X\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))

    answers = examination.ask(["tasks slow", "tasks gone"], timeout=3)

    assert answers["tasks slow"].error == "it did not come back within 3 seconds"
    assert "ssl_no_such_module" in answers["tasks gone"].error


def test_versions_that_do_not_fit_are_wrong_with_the_command_that_mends_it(
    sslkeras, tmp_path, quick
):
    for name, version in (("keras", "3.1.0"), ("tensorflow_cpu", "2.15.1")):
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\n"
        )

    text = words(sslkeras("doctor"))

    assert "WRONG keras is 3.1.0 (needs >=2.15,<2.16). pip install 'keras>=2.15,<2.16'." in text
    assert "WRONG tensorflow-cpu 2.15.1 is installed, which takes the place of tensorflow" in text
    assert "WRONG The compiled ops of tensorflow-addons" in text


TENSORFLOW = {"with_cuda": True, "cuda": "12.2", "cudnn": "8", "gpus": []}
LISTED = "GPU 0: NVIDIA H100"


@pytest.mark.parametrize(
    ("driver", "facts", "status", "reason"),
    [
        ((False, False, None, None), {}, "note", "this machine has no NVIDIA driver"),
        ((True, True, LISTED, ""), {}, "note", "CUDA_VISIBLE_DEVICES='' hides all"),
        ((True, True, LISTED, "-1"), {}, "note", "CUDA_VISIBLE_DEVICES='-1' hides all"),
        ((True, True, LISTED, None), {"with_cuda": False}, "WRONG", "built without CUDA"),
        ((True, False, None, None), {}, "WRONG", "libcuda.so.1 is not found"),
        ((True, True, "", None), {}, "WRONG", "nvidia-smi finds none"),
        (
            (True, True, LISTED, None),
            {"cuda": "99", "cudnn": "99"},
            "WRONG",
            "CUDA 99 and cuDNN 99 are missing (libcudart.so.99, libcublas.so.99, libcudnn.so.99)",
        ),
    ],
)
def test_why_there_is_no_gpu(monkeypatch, driver, facts, status, reason):
    monkeypatch.setattr(doctor.requirements, "of", lambda name, extra="": [])

    found = doctor.why_no_gpu({**TENSORFLOW, **facts}, doctor.Driver(*driver))

    assert (found.status, reason in found.text) == (status, True), found.text


def test_with_all_libraries_the_way_to_see_more_is_told(monkeypatch):
    fitting = doctor.requirements.Requirement("nvidia-cudnn-cu12", "", "8.9", True)
    monkeypatch.setattr(doctor.requirements, "of", lambda name, extra="": [fitting])

    found = doctor.why_no_gpu(TENSORFLOW, doctor.Driver(True, True, LISTED, None))

    assert "TF_CPP_MIN_LOG_LEVEL=0" in found.text and LISTED in found.text


def test_gpus_are_told_by_name():
    found = list(doctor._devices({**TENSORFLOW, "gpus": ["NVIDIA H100"]}))

    assert found[1:] == [doctor.Finding("ok", "GPU:0, NVIDIA H100")]


def test_answers_come_on_what_was_standard_output(capfd):
    answers = examination.ask(["tasks no_such_task"])

    assert "No task 'no_such_task' is installed." in answers["tasks no_such_task"].error
    assert capfd.readouterr().out == ""
