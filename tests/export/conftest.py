"""The tiny space and data set of the tests of `nas finish`."""

from tests.finish.conftest import dataset, one_thread, space

__all__ = ["dataset", "one_thread", "space"]
