"""Machine code that is compiled ahead of time, run by its own runtime."""

import shutil

import numpy as np
import pytest

from nas.errors import MissingPackageError
from nas.export.formats.aot_inductor import AotInductor, compile_ahead, compiled_runner
from nas.export.traced import export_program


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_machine_code_computes_what_the_network_computes(model, images, expected, tmp_path):
    path = tmp_path / "model_compiled.pt2"
    compile_ahead(export_program(model, images), path)

    network = compiled_runner(path)

    np.testing.assert_allclose(network(images), expected, atol=1e-5)
    np.testing.assert_allclose(network(images[:1]), expected[:1], atol=1e-5)


def test_absent_compiler_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(MissingPackageError, match="needs a C\\+\\+ compiler, and none of g\\+\\+"):
        AotInductor().check_packages()
