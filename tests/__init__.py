"""Tests of the core; a package so that they can share tests.toys."""
