"""The format keeps the contract of all image formats, and its files are numpy's."""

import numpy as np
import pytest

from nb_core import ImageData, InputError, PixelKind, image_formats, make_manager, read_image
from nb_core.testing import ImageFormatContract
from nb_format_npy import NpyFormat


class TestContract(ImageFormatContract):
    image_format = NpyFormat()


def test_the_plugin_is_found():
    entry = image_formats().entries["npy"]
    assert (entry.package, entry.version) == ("nb-format-npy", "0.1.0")
    assert "npy" not in image_formats(make_manager(external=False)).entries


def test_numpy_reads_what_is_written(tmp_path):
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    NpyFormat().write(tmp_path / "a.npy", ImageData(values, PixelKind.PHOTONS))
    assert np.array_equal(np.load(tmp_path / "a.npy"), values)


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("<f8", PixelKind.PHOTONS), (">f4", PixelKind.PHOTONS), ("<i4", PixelKind.COUNTS)],
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_what_numpy_writes_is_read(tmp_path, dtype, kind, order):
    values = np.arange(-3, 21).reshape(4, 6).astype(dtype, order=order)
    np.save(tmp_path / "a.npy", values)
    image = read_image(tmp_path / "a.npy")
    assert image.kind is kind
    assert np.array_equal(image.values, values)
    assert (image.measured is None) == (kind is PixelKind.PHOTONS)


@pytest.mark.parametrize(
    "values", [np.zeros(4), np.zeros((2, 2), complex), np.array([["a"]]), np.zeros((1, 1, 2, 2))]
)
def test_an_array_that_is_no_image_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match=r"a\.npy: .*an image has numbers of a shape"):
        read_image(tmp_path / "a.npy")


def test_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[print]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy: no array can be read"):
        read_image(tmp_path / "a.npy")


def test_the_name_alone_makes_no_array(tmp_path):
    (tmp_path / "a.npy").write_bytes(bytes(64))
    with pytest.raises(InputError, match=r"a\.npy: no array can be read"):
        read_image(tmp_path / "a.npy")
