"""What datasets of files below a folder have in common."""

from sslkeras.datasets.dataset import Dataset
from sslkeras.errors import DataError


class Folder(Dataset):
    """Files below a folder, of which some may be held out.

    A subclass has the argument `path`, says in `kind` what its files are called, and hands over
    both splits by `hold`.
    """

    kind = "files"

    def hold(self, train, test):
        """Takes the splits; None for one without files.

        Raises:
            DataError: If there is none to train on.
        """
        if train is None:
            raise DataError(
                f"There must be {self.kind} to train on. Received: none in {self.path!r}. Check "
                "which are held out."
            )
        self._train, self._test = train, test

    @property
    def train(self):
        return self._train

    @property
    def has_test(self):
        return self._test is not None

    @property
    def test(self):
        if self._test is None:
            raise DataError(
                f"Held-out {self.kind} are needed here. Received: none of {self.path!r}. Give a "
                "larger `test_fraction`, or the sub-folders train and test."
            )
        return self._test
