"""Reading a measured image: formats, offset, gain, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch

from nb_core import InputError, Mask
from nb_core.formats.floats import write_floats
from nb_core.formats.smv import write_smv
from nb_physics import make_plan, smv_header
from nb_refine import observe, read_image

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")


@pytest.fixture
def counts(truth, tmp_path):
    """Writes counts as an SMV image of the right size."""

    def write(values):
        path = tmp_path / "image.img"
        write_smv(path, smv_header(make_plan(truth)), values)
        return path

    return write


def test_a_float_image_is_photons(truth, image, tmp_path):
    write_floats(tmp_path / "image.bin", image.numpy())
    read = read_image(tmp_path / "image.bin", truth)
    assert torch.equal(read.photons, image)
    assert read.usable.all()


def test_counts_become_photons(truth, image, counts):
    """photons = (counts - offset) / gain; the offset is the experiment's unless given."""
    path = counts((2 * image.numpy() + 40).astype(np.uint16))
    assert torch.equal(read_image(path, truth, gain=2.0).photons, image)
    path = counts((image.numpy() + 11).astype(np.uint16))
    assert torch.equal(read_image(path, truth, adc_offset=11.0).photons, image)


def test_saturated_and_low_pixels_are_left_out(truth, image, counts):
    values = (image.numpy() + 40).astype(np.uint16)
    values[0, 0], values[0, 1] = 65535, 39
    usable = read_image(counts(values), truth).usable
    assert not usable[0, :2].any()
    assert usable.sum() == usable.numel() - 2


def test_a_mask_is_kept(truth, image):
    keep = np.ones((160, 160), dtype=bool)
    keep[3] = False
    usable = observe(image, dataclasses.replace(truth, mask=Mask(keep))).usable
    assert np.array_equal(usable.numpy(), keep)


def refused(call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_images_that_cannot_be_used_are_refused(truth, image, counts, tmp_path):
    assert "the model's detector has (160, 160)" in refused(observe, image[:80], truth)
    assert "the image is blank" in refused(observe, torch.zeros_like(image), truth)
    assert "every pixel needs a number" in refused(observe, image * float("nan"), truth)
    assert "--adc-offset" in refused(observe, image - 40.0, truth)
    assert "gain: 0.0" in refused(read_image, tmp_path / "none", truth, gain=0.0)
    assert "no such file" in refused(read_image, tmp_path / "none", truth)
    write_floats(tmp_path / "small.bin", image.numpy()[:80])
    assert "12800 pixels" in refused(read_image, tmp_path / "small.bin", truth)
    other = dataclasses.replace(truth.detector, fpixels=80)
    path = counts(image.numpy().astype(np.uint16))
    smaller = dataclasses.replace(truth, detector=other)
    assert "has (160, 80) pixels" in refused(read_image, path, smaller)
