"""Tests of sslkeras.datasets.labelled_intervals."""

import pytest

from sslkeras.datasets.labelled_intervals import Interval, read_intervals
from sslkeras.errors import DataError


def written(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return str(path)


def test_columns_are_found_by_name_and_others_left_alone(tmp_path):
    path = written(
        tmp_path,
        "label,scene,video,end_frame,start_frame,split,sequence\n"
        "walk,01,a,20,3,test,one\n"
        "sit,01,b,,,,\n",
    )

    assert read_intervals(path) == [
        Interval("a", "walk", 3, 20, "one", "test"),
        Interval("b", "sit", 0, None, "", ""),
    ]


@pytest.mark.parametrize(
    "line", ["a,walk,5,5,", "a,walk,-1,5,", "a,walk,x,5,", "a,,1,5,", ",walk,1,5,", "a,walk,1.5,5,"]
)
def test_an_impossible_line_is_named(tmp_path, line):
    path = written(tmp_path, f"video,label,start_frame,end_frame,split\na,walk,1,5,\n{line}\n")

    with pytest.raises(DataError, match="An interval must .*line 3 of"):
        read_intervals(path)


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(DataError, match="`split` must be train or test.*'dev' in line 2"):
        read_intervals(written(tmp_path, "video,label,split\na,walk,dev\n"))


@pytest.mark.parametrize("text", ["video\na\n", "", "video,label\n"])
def test_missing_columns_and_an_empty_file_are_refused(tmp_path, text):
    with pytest.raises(DataError, match="`labels` must have lines with the columns video, label"):
        read_intervals(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="`labels` must be a CSV file.*nothing.csv"):
        read_intervals(str(tmp_path / "nothing.csv"))
