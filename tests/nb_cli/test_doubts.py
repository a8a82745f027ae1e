"""What nb says of values that are possible and hardly meant, and of images that show nothing."""

import re
import warnings

import pytest

from nb_core import (
    BeamConfig,
    CrystalConfig,
    DetectorConfig,
    Experiment,
    NbWarning,
    SamplingConfig,
)
from nb_physics import make_plan

B = "-cell 70 80 90 -misset 10 20 30 -N 5 -default_F 100 -detpixels 32 -oversample 50"
USUAL = "-lambda 1 -distance 100 -pixel 2"
TOLD = {
    "-lambda 12398": "wavelength_A .-lambda. 12398 A .*electronvolts.*wavelength_A 1.00003",
    "-lambda 0.9795e-10": "metres it would be wavelength_A 0.9795",
    "-lambda 97.95": "picometres it would be wavelength_A 0.9795",
    "-distance 0.25": "distance_mm .* in metres it would be distance_mm 250",
    "-distance 250000": "in micrometres it would be distance_mm 250",
    "-distance 3": "outside 5 to 100000 mm: in metres it would be distance_mm 3000",
    "-pixel 172": "pixel_size_mm .* in micrometres it would be pixel_size_mm 0.172",
    "-pixel 172e-6": "in metres it would be pixel_size_mm 0.172",
    "-beamsize 100": "beamsize_mm .* in micrometres it would be beamsize_mm 0.1",
    "-detector_thick 0.32 -detector_abs 300": "in millimetres it would be detector_thick_um 320",
    "-Xbeam 16 -Ybeam 16 -pixel 0.1": "beside the detector: slow 16.05, .*look like pixels",
    "-Xbeam 100 -Ybeam 2": "beside the detector: slow 101, fast 3 mm of 64 x 64 mm$",
}
"""What is said, by the options that it is said of."""


def said(nb, line):
    outcome = nb(f"config show -- {B} {USUAL} {line}")
    assert (outcome.code, outcome.errors) == (0, [])
    return [text for text in outcome.warnings if "behaviour.md" not in text]


@pytest.mark.parametrize("line", TOLD)
def test_a_value_of_another_unit_is_told_once_with_the_unit(nb, line):
    found = [text for text in said(nb, line) if re.search(TOLD[line], text)]
    assert len(found) == 1, said(nb, line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "-lambda 0.0512",
        "-energy 8000",
        "-distance 5000",
        "-pixel 0.001 -distance 1000",
        "-beamsize 0.0001",
        "-twotheta 40",
        "-detector_thick 320 -detector_abs 300",
        "-phi -90",
    ],
)
def test_usual_values_are_not_told(nb, line):
    assert [text for text in said(nb, line) if "recommended" not in text] == []


def test_a_file_and_python_are_told_the_same(nb, folder):
    (folder / "x.toml").write_text(
        "[crystal]\ncell_a = 70.0\n[beam]\nwavelength_A = 0.9795e-10\n"
        "[detector]\npixel_size_mm = 172\ndetsize_f_mm = 17200\ndetsize_s_mm = 17200\n"
        "[sampling]\noversample = 1\n"
    )
    found = [text.removeprefix("nb: warning: ") for text in nb("config check x.toml").warnings]
    experiment = Experiment(
        CrystalConfig(cell_a=70.0),
        DetectorConfig(fpixels=100, spixels=100, pixel_size_mm=172.0),
        BeamConfig(wavelength_A=0.9795e-10),
        SamplingConfig(oversample=1),
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_plan(experiment)
    python = [str(w.message) for w in caught if issubclass(w.category, NbWarning)]
    assert found == python
    assert len([text for text in found if "it would be" in text]) == 2


class TestLongWork:
    LINE = "-cell 5 5 14 90 90 120 -default_F 50 -samplesize 0.01 -pixel 2"

    def test_a_coherent_crystal_of_many_blocks(self, nb):
        (told,) = [text for text in nb(f"config show -- {self.LINE}").warnings if "about" in text]
        assert re.search(r"about [\d.]+ (s|min|h|min \d+ s|h \d+ min): 9.37e\+10 evaluations", told)
        assert "6001 x 6001 sub-pixels" in told
        assert "one coherent crystal of 20000 x 20000 x 7143 cells" in told
        assert "-N, here 100 x 100 x 100) and the fluence times their number (2.86e+06)" in told
        assert "-oversample" in told

    @pytest.mark.parametrize(
        "more", ["-oversample 1 -phisteps 1000 -mosaic 1 -mosaic_domains 1000"]
    )
    def test_many_steps(self, nb, more, monkeypatch):
        monkeypatch.setattr("torch.get_num_threads", lambda: 2)
        line = f"-cell 50 -default_F 1 -N 2 {more}"
        (told,) = [text for text in nb(f"config show -- {line}").warnings if "about" in text]
        assert "about 17 min: 1.05e+12 evaluations" in told
        assert "less -phisteps, -mosaic_domains" in told
        assert "coherent" not in told

    def test_short_work_is_not_told(self, nb):
        assert "about" not in nb(f"config show -- {self.LINE} -oversample 1").err

    def test_simulate_says_it_before_it_starts(self, nb, monkeypatch):
        def interrupted(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr("nb_physics.simulate", interrupted)
        outcome = nb(f"simulate -- {self.LINE} -floatfile f.bin")
        assert outcome.code == 130
        assert len([text for text in outcome.warnings if "evaluations" in text]) == 1


class TestCounts:
    def simulated(self, nb, tiny, *more):
        outcome = nb("simulate", "--", *tiny, *more)
        assert outcome.code == 0
        return [text for text in outcome.warnings if " image: " in text]

    def test_all_pixels_saturated(self, nb, tiny):
        water = ("-water", "50", "-noisefile", "n.img")
        (told,) = self.simulated(nb, tiny, *water)
        assert "noise image: all pixels are saturated; lower the dose" in told

    def test_a_share_of_the_pixels(self, nb, tiny):
        (told,) = self.simulated(nb, tiny, "-scale", "5000", "-intfile", "i.img")
        assert re.search(r"integer image: \d+% of pixels are saturated; lower -scale", told)

    def test_no_photon_is_counted(self, nb, tiny):
        (told,) = self.simulated(nb, tiny, "-fluence", "1e20", "-noisefile", "n.img")
        assert re.search(r"noise image: 0 photons counted, \S+e-\d+ were expected; raise", told)

    def test_no_photon_at_all(self, nb, tiny):
        told = self.simulated(nb, tiny, "-fluence", "0", "-intfile", "i.img", "-noisefile", "n.img")
        assert ["integer image: no pixel has any photons" in told[0], len(told)] == [True, 2]

    def test_an_ordinary_image_is_not_told(self, nb, tiny):
        assert self.simulated(nb, tiny, "-intfile", "i.img", "-noisefile", "n.img") == []


def test_a_unit_is_told_before_what_follows_from_it_is_refused(nb):
    """Metres in place of Angstrom ask for more sub-pixels than there can be."""
    ran = nb(
        "config",
        "show",
        "--",
        *["-cell", "70", "80", "90", "90", "90", "90", "-default_F", "1"],
        "-lambda",
        "1e-10",
    )
    assert ran.code == 2
    assert any("in metres it would be wavelength_A 1" in text for text in ran.warnings)
