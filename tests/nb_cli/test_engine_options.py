"""--engine, --threads and --max-memory: how the image is computed, which cannot be seen in it."""

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def usual_threads(monkeypatch, tmp_path_factory):
    """Threads as before the test, and no kernel at hand."""
    monkeypatch.setenv("NB_CACHE_DIR", str(tmp_path_factory.mktemp("cache") / "none"))
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def image(nb, tiny, folder):
    """Simulates with some options; the pixels."""

    def call(*options):
        ran = nb("simulate", "-q", *options, "--", *tiny, "-floatfile", "a.bin")
        assert (ran.code, ran.err) == (0, "")
        return np.fromfile(folder / "a.bin", "<f4")

    return call


@pytest.mark.parametrize(
    "options",
    [
        ("--engine", "eager"),
        ("--engine", "auto"),
        ("--threads", "1"),
        ("--threads", "3"),
        ("--max-memory", "1M"),
        ("--max-memory", "2.5GiB"),
        ("--max-memory", "3000000"),
    ],
)
def test_the_image_is_the_same(image, options):
    np.testing.assert_array_equal(image(*options), image())


def test_threads_are_set(image):
    image("--threads", "3")
    assert torch.get_num_threads() == 3


def test_without_a_compiler_there_is_a_warning_and_the_image(nb, image, tiny, folder, monkeypatch):
    from nb_physics.engine import make
    from nb_physics.walk import warn_once

    warn_once.cache_clear()
    expected = image()
    monkeypatch.setattr(make.sys, "executable", "/none/python")
    ran = nb("simulate", "-q", "--engine", "compiled", "--", *tiny, "-floatfile", "b.bin")
    assert ran.code == 0
    messages = ran.err.splitlines()
    assert messages[0].startswith("nb: building compiled kernels for this kind of work, once")
    assert messages[1].startswith("nb: warning: no compiled kernels, eager torch is used")
    np.testing.assert_array_equal(np.fromfile(folder / "b.bin", "<f4"), expected)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--engine", "fast"), "--engine"),
        (("--threads", "0"), "--threads"),
        (("--threads", "two"), "--threads"),
        (("--max-memory", "much"), "'much' is no size; give bytes, or 500M, 2G"),
        (("--max-memory", "-5M"), "--max-memory"),
        (("--max-memory", "1k"), "max_memory: 1024: give at least 1048576 bytes"),
    ],
)
def test_values_that_make_no_sense(refused, tiny, options, word):
    assert word in refused("simulate", "-q", *options, "--", *tiny)


@pytest.mark.parametrize("command", [("golden", "verify"), ("compare",)])
def test_other_commands_take_an_engine(nb, command):
    assert "--engine" in nb(*command, "--help").out
