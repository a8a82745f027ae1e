"""Detectors of panels: what is refused, how they are cut, and how TOML says them."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from config_making import make
from hypothesis import given, settings
from hypothesis import strategies as st

from nb_core import (
    BeamConfig,
    CrystalConfig,
    Detector,
    DetectorConfig,
    Experiment,
    GoniometerConfig,
    InputError,
    Mask,
    Panel,
    PanelGroup,
    Profile,
    Roi,
    Sensor,
    experiment_to_flags,
    flags_to_experiment,
    read_toml,
    write_toml,
)
from nb_core.panel_tables import instead_of_plane

FAR = 1e300
INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CRYSTAL = CrystalConfig(cell_a=70.0, default_F=100.0)


def refused(build, field, remedy):
    with pytest.raises(InputError) as caught:
        build()
    assert field in caught.value.field
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("origin_mm", (1.0, 2.0), "3 numbers"),
        ("origin_mm", (math.nan, 0.0, 1.0), "finite"),
        ("origin_mm", (0.0, 1e300, 1.0), "to 1e+18 mm"),
        ("name", "a\x07b", "control character"),
        ("name", "two\nlines", "line break"),
        ("group", "tab\t", "control character"),
        ("group", "", "leave it out"),
        ("fast_axis", (0.0, 0.0, 0.0), "needs a length"),
        ("slow_axis", None, "numbers"),
        ("pixel_size_mm", 0.0, "greater than 0"),
        ("shape", (10,), "whole numbers"),
        ("shape", (10.5, 3), "whole number"),
        ("shape", (0, 3), "from 1"),
        ("first_pixel", (-1, 0), "from 0"),
        ("name", 5, "a text"),
        ("group", 5, "a text"),
        ("sensor", 450.0, "a Sensor"),
        ("gain", -1.0, "greater than 0"),
        ("trusted_range", (10.0, 1.0), "the least value comes first"),
        ("trusted_range", 5.0, "values in ADU"),
        ("mask", Mask(np.ones((2, 2), dtype=bool)), "the panel's shape"),
        ("roi", (0, 3, 0, 1024), "must lie in the panel's"),
        ("roi", (5, 3, 0, 1), "must lie in the panel's"),
    ],
)
def test_a_field_of_a_panel_that_cannot_be(field, value, remedy):
    refused(lambda: make(Panel, **{field: value}), field, remedy)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"thickness_um": -1.0}, "thickness_um"),
        ({"attenuation_um": 0.0}, "attenuation_um"),
        ({"layers": 0}, "layers"),
        ({"thickness_um": 300.0}, "attenuation_um"),
    ],
)
def test_a_sensor_that_cannot_be(fields, field):
    refused(lambda: make(Sensor, **fields), field, "")


@pytest.mark.parametrize(
    ("build", "field", "remedy"),
    [
        (lambda: Detector(()), "panels", "at least one"),
        (lambda: make(Detector, panels=(5,)), "panels", "expected a Panel"),
        (lambda: make(Detector, panels=(None,)), "panels", "expected a Panel"),
        (lambda: Detector((Panel("a"), Panel("b", shape=(3, 3)))), "shape of b", "one shape"),
        (lambda: Detector((Panel("a"), Panel("a"))), "panels", "give each its own"),
        (lambda: Detector((Panel(),), (PanelGroup("q"),)), "groups", "no panel has this group"),
        (
            lambda: Detector((Panel(group="q"),), (PanelGroup("q"), PanelGroup("q"))),
            "groups",
            "give each its own",
        ),
        (lambda: Detector((Panel(shape=(65536, 65536)),)), "shape", "fewer than 2^31"),
        (lambda: make(Detector, panels=(Panel(),), tilt_deg=(1.0, 2.0)), "tilt_deg", "3 numbers"),
        (lambda: make(Detector, panels=(Panel(),), point_pixel=1), "point_pixel", "true or false"),
        (lambda: make(PanelGroup, name="q", shift_mm=5.0), "shift_mm", "3 numbers"),
        (lambda: make(PanelGroup, name=5), "name", "a text"),
        (lambda: Detector((Panel(),)).index("0"), "panel", "no such panel"),
        (lambda: Detector((Panel(),)).cut(3, 1), "rows, columns", "cannot be cut evenly"),
        (lambda: Detector((Panel(roi=Roi(0, 1, 0, 1)),)).cut(1, 1), "cut", "stays whole"),
    ],
)
def test_a_detector_that_cannot_be(build, field, remedy):
    refused(build, field, remedy)


@pytest.mark.parametrize(
    ("fields", "field", "remedy"),
    [
        ({"profile": Profile.REFERENCE}, "profile", "nanoBragg has one plane"),
        ({"beam": BeamConfig(beam_vector=(1, 0, 0))}, "beam_vector", "direction"),
        ({"beam": BeamConfig(polar_vector=(1, 0, 0))}, "polar_vector", "polarization_normal"),
        ({"beam": BeamConfig(polarization_factor=0.5)}, "polarization_factor", "_fraction"),
        ({"crystal": CrystalConfig(cell_a=70.0, spindle_axis=(1, 0, 0))}, "spindle_axis", "axis"),
        ({"roi": Roi(0, 1, 0, 1)}, "roi", "each panel has its own"),
        ({"mask": Mask(np.ones((1024, 1024), dtype=bool))}, "mask", "each panel has its own"),
    ],
)
def test_what_does_not_go_with_panels(fields, field, remedy):
    experiment = {"crystal": CRYSTAL, "detector": Detector((Panel(),)), **fields}
    refused(lambda: Experiment(**experiment), field, remedy)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"beam": BeamConfig(direction=(0, 0, 1))}, "direction"),
        ({"beam": BeamConfig(polarization_normal=(0, 1, 0))}, "polarization_normal"),
        ({"beam": BeamConfig(polarization_fraction=0.9)}, "polarization_fraction"),
        ({"goniometer": GoniometerConfig(axis=(1, 0, 0))}, "axis"),
    ],
)
def test_what_goes_with_panels_only(fields, field):
    refused(lambda: Experiment(CRYSTAL, **fields), field, "with a Detector of panels only")


def test_a_detector_is_of_one_kind_or_the_other():
    refused(
        lambda: make(Experiment, crystal=CRYSTAL, detector=5), "detector", "a Detector (of panels)"
    )
    panels = Experiment(CRYSTAL, Detector((Panel(),)))
    refused(lambda: panels.plane, "detector", "one plane is taken here")
    assert Experiment(CRYSTAL, DetectorConfig()).panels == ()


@pytest.mark.parametrize(
    "build",
    [
        lambda: PanelGroup("q", shift_mm=(FAR, 0.0, 0.0)),
        lambda: PanelGroup("q", tilt_deg=(0.0, FAR, 0.0)),
        lambda: Detector((Panel(),), shift_mm=(0.0, 0.0, -FAR)),
        lambda: Detector((Panel(),), tilt_deg=(0.0, 0.0, -FAR)),
        lambda: Sensor(thickness_um=FAR, attenuation_um=100.0),
        lambda: Sensor(thickness_um=100.0, attenuation_um=FAR),
        lambda: DetectorConfig(fpixels=4, spixels=4, beam_center_x_mm=FAR),
        lambda: DetectorConfig(fpixels=4, spixels=4, detector_thick_um=FAR),
    ],
)
def test_lengths_and_angles_have_limits(build):
    with pytest.raises(InputError, match="must be from"):
        build()


def test_panels_get_names_and_are_found_by_them():
    detector = Detector((Panel(), Panel("second"), Panel()))
    assert [panel.name for panel in detector.panels] == ["panel 0", "second", "panel 2"]
    assert detector.index("second") == 1
    assert detector.shape == (3, 1024, 1024)
    assert Detector((Panel(shape=(5, 7)),)).shape == (5, 7)


def test_an_array_of_whole_numbers_is_a_shape():
    assert make(Panel, shape=np.array([5, 7])).shape == (5, 7)
    assert make(Panel, shape=[5.0, 7.0]).shape == (5, 7)


def test_a_panel_that_is_cut_keeps_its_place():
    plane = Panel("p", shape=(6, 8), origin_mm=(1.0, 2.0, 3.0), first_pixel=(10, 20))
    pieces = Detector((plane,)).cut(3, 2).panels
    assert [piece.first_pixel for piece in pieces] == [
        (10 + 2 * row, 20 + 4 * column) for row in range(3) for column in range(2)
    ]
    assert {piece.origin_mm for piece in pieces} == {(1.0, 2.0, 3.0)}
    assert {piece.shape for piece in pieces} == {(2, 4)}
    assert len({piece.name for piece in pieces}) == 6


numbers = st.floats(-200, 200).map(lambda value: round(value, 6))
vectors = st.tuples(numbers, numbers, numbers)


@st.composite
def detectors(draw):
    """The fields of a Detector: where annotations are checked, that takes random numbers."""
    sensors = st.builds(
        Sensor,
        thickness_um=st.floats(0, 500),
        attenuation_um=st.one_of(st.just(math.inf), st.floats(1, 500)),
        layers=st.one_of(st.none(), st.integers(1, 9)),
    )
    panels = tuple(
        Panel(
            name=f"p{number}",
            origin_mm=draw(vectors),
            fast_axis=(1.0, draw(numbers), 0.0),
            slow_axis=(0.0, draw(numbers), 1.0),
            pixel_size_mm=draw(st.floats(0.01, 1)),
            shape=(4, 5),
            first_pixel=draw(st.tuples(st.integers(0, 9), st.integers(0, 9))),
            group=draw(st.sampled_from([None, "q0", "q1"])),
            sensor=draw(st.one_of(st.none(), sensors)),
            gain=draw(st.floats(0.1, 10)),
            trusted_range=draw(st.sampled_from([None, (0.0, 65535.0)])),
            roi=draw(st.sampled_from([None, Roi(1, 3, 0, 2)])),
        )
        for number in range(draw(st.integers(1, 3)))
    )
    used = sorted({panel.group for panel in panels if panel.group})
    groups = tuple(PanelGroup(name, draw(vectors), draw(vectors)) for name in used)
    return panels, groups, draw(vectors), draw(vectors), draw(st.booleans())


@settings(max_examples=40)
@given(detectors())
def test_panels_are_written_to_toml_and_read_back(tmp_path_factory, fields):
    beam = BeamConfig(direction=(0.0, 0.1, 1.0), polarization_fraction=0.99)
    axis = GoniometerConfig(axis=(0.0, -1.0, 0.0))
    experiment = Experiment(CRYSTAL, Detector(*fields), beam, goniometer=axis)
    path = tmp_path_factory.mktemp("panels") / "experiment.toml"
    write_toml(path, experiment)
    assert read_toml(path) == experiment


def test_the_mask_of_a_panel_is_a_file(tmp_path):
    mask = Mask(np.ones((4, 5), dtype=bool))
    inside = Experiment(CRYSTAL, Detector((Panel("p", shape=(4, 5), mask=mask),)))
    refused(lambda: write_toml(tmp_path / "e.toml", inside), "mask of p", "no file")


def read(tmp_path, text):
    path = tmp_path / "experiment.toml"
    path.write_text("[crystal]\ncell_a = 70.0\ndefault_F = 1.0\n" + text, encoding="utf-8")
    return read_toml(path)


@pytest.mark.parametrize(
    ("text", "field", "remedy"),
    [
        ("[panel]\nshape = [4, 5]\n", "panel", "[[panel]]"),
        ("[[panel]]\nshap = [4, 5]\n", "panel 0.shap", "did you mean shape"),
        ("[[panel]]\nshape = [4]\n", "panel 0.shape", "whole numbers"),
        ("[[panel]]\nsensor = {thick = 4}\n", "panel 0.sensor.thick", "thickness_um"),
        ("[[panel]]\nsensor = {layers = 0}\n", "panel 0.sensor.layers", "from 1"),
        ("[[panel]]\n[[group]]\nname = 'q'\n", "detector.groups", "no panel has this group"),
        ("[[panel]]\n[[group]]\nshift = [1, 2, 3]\n", "group 0.shift", "shift_mm"),
        ("[[group]]\nname = 'q'\n", "group", "[[panel]]"),
        ("[[panel]]\n[[group]]\ntilt_deg = [1, 2, 3]\n", "group 0.name", "their `group`"),
        ("[[panels]]\nshape = [4, 5]\n", "panels", "did you mean [[panel]]?"),
        ("[[panels]]\nshape = [4, 5]\n[[group]]\nname = 'q'\n", "panels", "[[panel]]"),
        ("[[pannel]]\n[detector]\nshift_mm = [0, 0, 1]\n", "pannel", "[[panel]]"),
        ("[[panel]]\n[detector]\nfpixels = 7\n", "detector.fpixels", "shape (slow, fast)"),
        ("[[panel]]\n[detector]\nshift = 7\n", "detector.shift", "shift_mm, tilt_deg, point_pix"),
        ("[[panel]]\n[goniometer]\naxis = [0, 0, 0]\n", "goniometer.axis", "a length"),
        ("[goniometer]\naxis = [0, 0, 1]\n", "goniometer.axis", "crystal.spindle_axis"),
        ("[[panel]]\n[detector]\ndistance_mm = 100.0\n", "detector.distance_mm", "one plane"),
        ("[[panel]]\nmask = 'none.img'\n", "none.img", ""),
    ],
)
def test_toml_that_says_no_detector(tmp_path, text, field, remedy):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert field in str(caught.value)
    assert remedy in caught.value.remedy


def test_options_of_one_plane_are_refused_with_panels():
    base = Experiment(CRYSTAL, Detector((Panel(),)))
    for option in ("-distance", "-Xbeam", "-twotheta", "-detpixels", "-close_distance"):
        with pytest.raises(InputError) as caught:
            flags_to_experiment([option, "50"], base=base)
        assert option in caught.value.field
        assert "[[panel]]" in caught.value.remedy
    other = flags_to_experiment(["-lambda", "2", "-misset", "1", "2", "3"], base=base)
    assert other.detector == base.detector
    assert other.beam.wavelength_A == 2.0


@pytest.mark.parametrize(
    ("option", "values", "field"),
    [
        ("-distance", "50", "origin_mm"),
        ("-Xbeam", "50", "origin_mm"),
        ("-ORGX", "50", "origin_mm"),
        ("-pix0_vector", "1 2 3", "origin_mm"),
        ("-twotheta", "50", "fast_axis and slow_axis"),
        ("-detector_rotz", "5", "tilt_deg of [detector]"),
        ("-fdet_vector", "1 0 0", "fast_axis of"),
        ("-pixel", "0.1", "pixel_size_mm"),
        ("-detpixels", "50", "shape (slow, fast)"),
        ("-detsize", "50", "shape (slow, fast)"),
        ("-detector_abs", "50", "sensor.attenuation_um"),
        ("-detector_thicksteps", "5", "sensor.layers"),
        ("-point_pixel", "", "point_pixel of [detector]"),
        ("-curved_det", "", "flat panels"),
        ("-pivot", "beam", "tilt_deg"),
        ("-mosflm", "", "origin_mm, fast_axis and slow_axis"),
        ("-roi", "1 2 1 2", "roi of each [[panel]]"),
        ("-beam_vector", "0 0 1", "give direction"),
        ("-polar_vector", "0 0 1", "polarization_normal"),
        ("-spindle_axis", "0 0 1", "goniometer.axis"),
    ],
)
def test_what_says_of_panels_what_an_option_says_of_one_plane(option, values, field):
    base = Experiment(CRYSTAL, Detector((Panel(),)))
    with pytest.raises(InputError) as caught:
        flags_to_experiment([option, *values.split()], base=base)
    assert option in caught.value.field
    assert field in caught.value.remedy


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(DetectorConfig)])
def test_every_field_of_the_plane_has_one_of_panels(field):
    assert "with panels give" in instead_of_plane(field)


def test_nanobragg_has_no_options_for_panels():
    with pytest.raises(InputError, match="detector"):
        experiment_to_flags(Experiment(CRYSTAL, Detector((Panel(),))))


def test_tensors_keep_their_gradients():
    origin = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    panel = Panel(origin_mm=origin)
    assert panel.origin_mm is origin
    assert dataclasses.replace(panel, name="other").origin_mm is origin
