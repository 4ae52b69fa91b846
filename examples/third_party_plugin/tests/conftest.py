"""Two logical CPUs, on which the contract's check of several replicas runs; set before any op."""

from sslkeras.training.strategies import make_logical_cpus


def pytest_configure():
    make_logical_cpus(2)
