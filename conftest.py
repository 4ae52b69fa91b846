"""TensorFlow with two logical CPUs, as the tests of distribution need; set before any op."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def pytest_configure():
    from sslkeras.training.strategies import make_logical_cpus

    make_logical_cpus(2)
