"""Which files an image is written to, and what they hold."""

import numpy as np
import pytest

from nb_core.formats.fdump import read_dump
from nb_core.formats.floats import read_floats
from nb_core.formats.pgm import read_pgm
from nb_core.formats.smv import read_smv
from nb_core.poisson import poisson_image

DEFAULTS = {"floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img"}


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", DEFAULTS),
        ("-nopgm", DEFAULTS - {"image.pgm"}),
        ("-nonoise", DEFAULTS - {"noiseimage.img"}),
        ("-nonoise -nopgm", {"floatimage.bin", "intimage.img"}),
        ("-floatfile f.bin", {"f.bin"}),
        ("-intfile i.img", {"i.img"}),
        ("-pgmfile p.pgm", {"p.pgm"}),
        ("-noisefile n.img", {"n.img"}),
        ("-floatimage f.bin -noiseimage n.img", {"f.bin", "n.img"}),
        ("-noisefile n.img -floatfile f.bin -nonoise", {"f.bin"}),
        ("-nopgm -pgmscale 2", DEFAULTS),
    ],
)
def test_named_files_are_the_only_ones(nb, folder, flags, more, expected):
    assert nb(f"simulate -- {flags} {more}").code == 0
    assert names(folder) == expected


def test_a_png_counts_as_named(nb, folder, flags):
    assert nb(f"simulate --png p.png -- {flags}").code == 0
    assert names(folder) == {"p.png"}
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")


def test_files_are_written_over_unless_refused(nb, folder, flags):
    (folder / "f.bin").write_bytes(b"old")
    refused = nb(f"simulate --no-overwrite -- {flags} -floatfile f.bin")
    assert refused.code == 2
    assert "--no-overwrite" in refused.err
    assert (folder / "f.bin").read_bytes() == b"old"
    assert nb(f"simulate -- {flags} -floatfile f.bin").code == 0
    assert read_floats(folder / "f.bin").shape == (12, 12)
    assert nb(f"simulate --no-overwrite -- {flags} -floatfile new.bin").code == 0


def test_the_files_hold_the_same_image(nb, folder, flags):
    assert nb(f"simulate --rng nanobragg -- {flags} -seed 3 -adc 7 -scale 2 -pgmscale 3").code == 0
    photons = read_floats(folder / "floatimage.bin")
    integers = read_smv(folder / "intimage.img").data
    np.testing.assert_array_equal(integers, np.floor(photons.clip(0, 32764) * 2 + 7.5))
    noise = read_smv(folder / "noiseimage.img").data
    np.testing.assert_array_equal(noise, (poisson_image(photons, 3) + 7).clip(0, 65535))
    picture = read_pgm(folder / "image.pgm")
    assert picture.scale == 3
    np.testing.assert_array_equal(picture.data, np.trunc((photons * 3.0).clip(0, 255)))


def test_the_noise_is_that_of_its_seed(nb, folder, flags):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert nb(f"simulate --rng torch -- {flags} -noisefile {name} -seed {seed}").code == 0
    a, b, c = (read_smv(folder / name).data for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_outside_the_roi_all_is_zero(nb, folder, flags):
    assert nb(f"simulate -- {flags} -roi 2 4 3 8").code == 0
    inside = np.zeros((12, 12), dtype=bool)
    inside[3:9, 2:5] = True
    assert (read_floats(folder / "floatimage.bin") > 0).tolist() == inside.tolist()
    assert (read_smv(folder / "noiseimage.img").data >= 40).tolist() == inside.tolist()
    assert (read_smv(folder / "intimage.img").data >= 40).tolist() == inside.tolist()


def test_a_dump_is_written_beside_a_list_only(nb, inputs, flags):
    line = f"simulate -- {flags} -hkl six.hkl -nointerpolate -floatfile"
    assert nb(f"{line} a.bin -dump six.bin").code == 0
    assert read_dump(inputs / "six.bin").F[2, 0, 0] == 200
    again = f"simulate -- {flags} -dump six.bin -nointerpolate -floatfile b.bin"
    assert nb(again).code == 0
    assert (inputs / "a.bin").read_bytes() == (inputs / "b.bin").read_bytes()


def test_an_unnamed_dump_is_neither_read_nor_written(nb, folder, flags):
    (folder / "Fdump.bin").write_bytes(b"poison")
    assert nb(f"simulate -- {flags} -floatfile f.bin").code == 0
    assert (folder / "Fdump.bin").read_bytes() == b"poison"


def test_printout_prints_the_pixel_fast_first(nb, folder, flags):
    outcome = nb(f"simulate -- {flags} -floatfile f.bin -printout_pixel 7 3")
    photons = read_floats(folder / "f.bin")[3, 7]
    line = next(line for line in outcome.out.splitlines() if line.startswith("pixel "))
    assert line.startswith("pixel fast 7 slow 3: ")
    assert float(line.split()[5]) == pytest.approx(photons, rel=1e-6)


def test_printout_without_a_pixel_asks_for_one(nb, folder, flags):
    outcome = nb(f"simulate -- {flags} -floatfile f.bin -printout")
    assert outcome.code == 0
    assert "-printout_pixel FAST SLOW" in outcome.out
    assert nb(f"simulate -- {flags} -floatfile f.bin -printout_pixel 12 3").code == 2


def test_an_image_beyond_float32_is_refused(nb, folder, flags):
    outcome = nb(f"simulate -- {flags} -default_F 1e30")
    assert outcome.code == 2
    assert "exceeds float32" in outcome.errors[0]
    assert names(folder) == set()
