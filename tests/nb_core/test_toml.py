"""Experiments as TOML files: what is read, written and refused."""

import dataclasses
import json
import subprocess
import sys
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

from nb_core.configs.crystal import CrystalConfig, CrystalShape
from nb_core.configs.detector import DetectorConfig
from nb_core.configs.experiment import Experiment
from nb_core.configs.output import OutputConfig
from nb_core.configs.panel import Detector, Panel
from nb_core.configs.sampling import Profile, Roi
from nb_core.conventions import DetectorConvention, DetectorPivot
from nb_core.errors import InputError, OutputError
from nb_core.formats.fdump import write_dump
from nb_core.formats.hkl import read_hkl
from nb_core.formats.mask import read_mask
from nb_core.formats.matrix import read_matrix
from nb_core.formats.sources import read_sources
from nb_core.settings import SECTIONS
from nb_core.toml import experiment_to_toml, read_toml, write_toml

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
CRYSTAL = "[crystal]\ncell_a = 70.0\n"

VALUES = {
    "U_matrix": ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "vectors_A": ((70.0, 0.0, 0.0), (1.0, 80.0, 0.0), (0.0, 2.0, 90.0)),
    "polarization_fraction": 0.75,
    "matrix": read_matrix(INPUTS / "tric.mat"),
    "sources": read_sources(INPUTS / "sources5.txt"),
    "misset_deg": (1.0, 2.0, 3.0),
    "N_cells": (7, 8, 9),
    "sample_size_mm": (0.1, None, 0.3),
    "shape": CrystalShape.GAUSS,
    "detector_convention": DetectorConvention.CUSTOM,
    "detector_pivot": DetectorPivot.SAMPLE,
    "printout_pixel": (3, 4),
    "detsize_f_mm": 102.41,
    "detsize_s_mm": 102.42,
    "polarization_factor": 0.25,
    "cell_alpha": 75.0,
    "cell_beta": 85.0,
    "cell_gamma": 95.0,
    "detector_abs_um": float("inf"),
}
"""Values of fields that do not take any number of their kind."""


def value_of(field):
    """A value that differs from the field's default."""
    if field.name in VALUES:
        return VALUES[field.name]
    kind = str(field.type)
    if "Vector" in kind:
        return (0.0, 0.6, -0.8)
    if "bool" in kind:
        return field.default is not True
    if "str" in kind:
        return f"{field.name}.out"
    if "int" in kind:
        return 12
    assert "Scalar" in kind or "float" in kind, f"say in VALUES what {field.name} takes"
    return 12.5


OF_PANELS = ("direction", "polarization_normal", "polarization_fraction", "axis")

FIELDS = [
    (section, field)
    for section, config in SECTIONS.items()
    for field in dataclasses.fields(config)
    if field.name != "terms"  # of plugins: test_plugin_config.py
]


def read(text, tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(text, encoding="utf-8")
    return read_toml(path)


@pytest.mark.parametrize(("section", "field"), FIELDS, ids=lambda x: getattr(x, "name", x))
def test_every_field_is_written_and_read_back(section, field, tmp_path):
    value = value_of(field)
    chosen = {name: {} for name in SECTIONS}
    chosen["crystal"]["cell_a"] = 70.0
    if "Vector" in str(field.type) and field.name != "misset_deg":
        chosen["detector"]["detector_convention"] = DetectorConvention.CUSTOM
    chosen[section][field.name] = value
    if field.name == "vectors_A":
        del chosen["crystal"]["cell_a"]
    configs = {name: SECTIONS[name](**fields) for name, fields in chosen.items()}
    if field.name in OF_PANELS:
        configs["detector"] = Detector((Panel(),))
    experiment = Experiment(**configs)
    assert getattr(getattr(experiment, section), field.name) != field.default
    write_toml(tmp_path / "experiment.toml", experiment)
    found = getattr(getattr(read_toml(tmp_path / "experiment.toml"), section), field.name)
    if hasattr(value, "source"):
        assert found.source == value.source
    else:
        assert found == value
        assert type(found) is type(value)
    plain = value.value if isinstance(value, Enum) else value
    text = experiment_to_toml(experiment)
    assert f"[{section}]" in text
    assert f"{field.name} = " in text
    assert not isinstance(plain, str) or f'"{plain}"' in text


def test_the_top_of_a_file(tmp_path):
    mask = INPUTS / "mask.img"
    text = f'profile = "corrected"\nroi = [1, 2, 3, 4]\nmask = "{mask}"\n{CRYSTAL}'
    size = f"[detector]\nfpixels = {read_mask(mask)[0].values.shape[1]}\n"
    size += f"spixels = {read_mask(mask)[0].values.shape[0]}\n"
    experiment = read(text + size, tmp_path)
    assert experiment.profile is Profile.CORRECTED
    assert experiment.roi == Roi(1, 2, 3, 4)
    assert experiment.mask.source == str(mask)
    assert experiment.detector.distance_mm == 100
    write_toml(tmp_path / "again.toml", experiment)
    again = read_toml(tmp_path / "again.toml")
    assert (again.profile, again.roi) == (experiment.profile, experiment.roi)
    assert np.array_equal(again.mask.values, experiment.mask.values)


def test_what_is_not_in_a_file_takes_its_default(tmp_path):
    experiment = read(CRYSTAL, tmp_path)
    assert experiment.crystal == CrystalConfig(cell_a=70.0)
    assert experiment.detector == DetectorConfig(detsize_f_mm=102.4, detsize_s_mm=102.4)
    assert experiment.outputs == OutputConfig()
    assert experiment.profile is Profile.CORRECTED


def test_a_detector_given_by_its_size_or_by_its_pixels(tmp_path):
    detector = read(f"{CRYSTAL}[detector]\ndetsize_f_mm = 50\n", tmp_path).detector
    assert (detector.fpixels, detector.detsize_f_mm) == (500, 50)
    assert (detector.spixels, detector.detsize_s_mm) == (1024, 102.4)
    detector = read(f"{CRYSTAL}[detector]\nfpixels = 50\npixel_size_mm = 0.2\n", tmp_path).detector
    assert (detector.fpixels, detector.detsize_f_mm) == (50, None)


def test_files_are_found_beside_the_toml_file(tmp_path, monkeypatch):
    (tmp_path / "data" / "lists").mkdir(parents=True)
    (tmp_path / "data" / "lists" / "six.hkl").write_bytes((INPUTS / "six.hkl").read_bytes())
    (tmp_path / "data" / "tric.mat").write_bytes((INPUTS / "tric.mat").read_bytes())
    text = 'hkl = "lists/six.hkl"\n[crystal]\nmatrix = "tric.mat"\n'
    (tmp_path / "data" / "a.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    experiment = read_toml("data/a.toml")
    assert experiment.structure_factors.source == "data/lists/six.hkl"
    assert experiment.crystal.matrix.source == "data/tric.mat"
    monkeypatch.chdir(tmp_path / "data")
    assert read_toml("a.toml").structure_factors.source == "lists/six.hkl"


@pytest.mark.parametrize("folder", ["data", "elsewhere", "data/lists", "."])
def test_relative_names_are_written_as_seen_from_the_toml_file(folder, tmp_path, monkeypatch):
    for name in ("data/lists", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "six.hkl").write_bytes((INPUTS / "six.hkl").read_bytes())
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(CrystalConfig(cell_a=70), structure_factors=read_hkl("data/six.hkl"))
    write_toml(f"{folder}/a.toml", experiment)
    monkeypatch.chdir(tmp_path / "elsewhere")
    again = read_toml(tmp_path / folder / "a.toml")
    assert Path(again.structure_factors.source).samefile(tmp_path / "data" / "six.hkl")
    beside = (tmp_path / folder / "a.toml").read_text().splitlines()[0]
    assert (beside == 'hkl = "six.hkl"') == (folder == "data")


def test_a_dump_is_named_as_one(tmp_path):
    factors = read_hkl(INPUTS / "six.hkl")
    write_dump(tmp_path / "F.bin", factors)
    experiment = read(f'dump = "F.bin"\n{CRYSTAL}', tmp_path)
    assert experiment.structure_factors.kind == "dump"
    assert 'dump = "' in experiment_to_toml(experiment)
    both = Experiment(
        CrystalConfig(cell_a=70), structure_factors=factors, outputs=OutputConfig(dumpfile="G.bin")
    )
    write_toml(tmp_path / "both.toml", both)
    again = read_toml(tmp_path / "both.toml")
    assert (again.structure_factors.kind, again.outputs.dumpfile) == ("hkl", "G.bin")


REFUSED = {
    "": "the file is empty",
    "x = 1": "x: unknown name: a TOML experiment has: crystal, detector, beam,",
    "[crystel]\na = 1": "crystel: unknown name: did you mean crystal? a TOML experiment has:",
    "[experiment]\na = 1": "experiment: unknown name",
    "crystal = 5": "crystal: 5: expected a table, [crystal]",
    "crystal = []": "crystal: []: expected a table, [crystal], or several, [[crystal]]",
    "crystal = [{cell_a = 1}, 5]": "expected a table, [crystal], or several, [[crystal]]",
    "[[crystal]]\ncell_a = 1\n[[crystal]]\ncell_q = 4": "crystal 1: cell_q: unknown name",
    "[[crystal]]\ncell_a = 1\n[[crystal]]\ncell_a = -1": "crystal 1: cell_a: -1.0: must be greater",
    "[[crystal]]\ncell_a = 1\n[[crystal]]\nmatrix = 'none.mat'": "none.mat",
    "[crystal]\ncell_q = 4": (
        "cell_q: unknown name: did you mean cell_c? [crystal] has: cell_a, cell_b"
    ),
    "[crystal.more]\nx = 1": "crystal.more: unknown name",
    "[crystal": "not TOML: Expected ']' at the end of a table declaration",
    "a = 1\na = 2": "not TOML: Cannot overwrite a value",
    "[detector]\ndistance_mm = 5": "cell_a: None: give the unit cell",
    'profile = "newest"\n' + CRYSTAL: "profile: newest: expected one of: reference, corrected",
    "profile = 5\n" + CRYSTAL: "profile: 5: expected a Profile, one of: reference, corrected",
    "roi = [1, 2, 3]\n" + CRYSTAL: "roi: [1, 2, 3]: expected [xmin, xmax, ymin, ymax]",
    "roi = 5\n" + CRYSTAL: "roi: 5: expected [xmin, xmax, ymin, ymax]",
    'roi = [1, 2, 3, "4"]\n' + CRYSTAL: "roi: '4': expected a whole number",
    "roi = [1, 2, 3, true]\n" + CRYSTAL: "roi: True: expected a whole number",
    "hkl = 5\n" + CRYSTAL: "hkl: 5: expected the name of a file",
    'hkl = ""\n' + CRYSTAL: "hkl: '': is not the name of a file",
    'mask = "a\\u0000b"\n' + CRYSTAL: "is not the name of a file",
    'mask = "no.img"\n' + CRYSTAL: "no.img: no such file; check the name",
    CRYSTAL + "matrix = [1, 2]": "crystal.matrix: [1, 2]: expected the name of a file",
    CRYSTAL + 'matrix = "no.mat"': "no.mat: no such file; check the name",
    CRYSTAL + 'cell_b = "80"': "cell_b: '80': expected one finite number in Angstrom",
    CRYSTAL + "cell_b = nan": "cell_b: nan: expected one finite number in Angstrom",
    CRYSTAL + f"cell_b = 1{'0' * 400}": "cell_b: inf: expected one finite number in Angstrom",
    CRYSTAL + "cell_b = 1979-05-27": "cell_b: 1979-05-27: expected one finite number in Angstrom",
    CRYSTAL + "cell_b = true": "cell_b: True: expected one finite number in Angstrom",
    CRYSTAL + "N_cells = 5": "N_cells: 5: expected 3 numbers of unit cells",
    CRYSTAL + "N_cells = {a = 1}": "N_cells: {'a': 1}: expected 3 numbers of unit cells",
    CRYSTAL + "N_cells = [[5], 5, 5]": "N_cells: [5]: expected one finite number in unit cells",
    CRYSTAL + 'N_cells = [5, "none", 5]': "N_cells: None: expected one finite number",
    CRYSTAL + "phi_steps = 2.5": "phi_steps: 2.5: expected a whole number",
    CRYSTAL + 'shape = "cube"': "shape: cube: expected a CrystalShape, one of: square, round,",
    CRYSTAL + "shape = 3": "shape: 3: expected a CrystalShape, one of: square, round,",
    CRYSTAL + 'misset_deg = "any"': 'misset_deg: any: three angles, or "random"',
    CRYSTAL + "[detector]\ncurved_detector = 1": "curved_detector: 1: expected true or false",
    CRYSTAL + '[detector]\npixel_size_mm = "a"': "pixel_size_mm: 'a': expected one finite number",
    CRYSTAL + "[detector]\npixel_size_mm = 0": "pixel_size_mm: 0.0: must be greater than 0 mm",
    CRYSTAL + "[detector]\ndetsize_s_mm = []": "detsize_s_mm: (): expected one finite number",
    CRYSTAL + "[detector]\nfpixels = 5\ndetsize_f_mm = 5": "detsize_f_mm: 5.0: does not match 5",
    CRYSTAL + "[detector]\nfpixels = true": "fpixels: True: expected a whole number",
    CRYSTAL + "[detector]\nfdet_vector = [1, 0, 0]": "choose detector_convention CUSTOM",
    CRYSTAL + '[detector]\ndetector_convention = "MOSFILM"': "expected one of: mosflm, xds,",
    CRYSTAL + "[outputs]\nfloatfile = 5": "floatfile: 5: expected the name of a file",
    CRYSTAL
    + "[beam]\nwavelength = 1": "unknown name: did you mean wavelength_A? [beam] has: wavelength_A",
}


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """What reading each refused text says, where no annotations are checked, as for users."""
    folder = tmp_path_factory.mktemp("refused")
    for number, text in enumerate(REFUSED):
        (folder / f"{number}.toml").write_text(text)
    code = (
        "import json, sys\n"
        "from nb_core import InputError, read_toml\n"
        "said = []\n"
        "for number in range(int(sys.argv[1])):\n"
        "    try:\n"
        "        said.append(repr(read_toml(f'{number}.toml')))\n"
        "    except InputError as error:\n"
        "        said.append(str(error))\n"
        "    except Exception as error:\n"
        "        said.append(repr(error))\n"
        "print(json.dumps(said))\n"
    )
    arguments = [sys.executable, "-c", code, str(len(REFUSED))]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=True)
    return dict(zip(REFUSED, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text.replace("\n", " ")[-40:])
def test_what_is_refused(text, messages):
    assert REFUSED[text] in messages[text]
    assert "Error(" not in messages[text]
    assert "\n" not in messages[text]


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read(name, tmp_path):
    with pytest.raises(InputError, match="TOML experiment"):
        read_toml(tmp_path / name)


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="its folder does not exist"):
        write_toml(tmp_path / "nowhere" / "a.toml", Experiment(CrystalConfig(cell_a=70)))


def test_a_refused_experiment_leaves_no_file(tmp_path):
    factors = dataclasses.replace(read_hkl(INPUTS / "six.hkl"), source=None)
    experiment = Experiment(CrystalConfig(cell_a=70), structure_factors=factors)
    with pytest.raises(InputError, match="in memory only"):
        write_toml(tmp_path / "a.toml", experiment)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[crystal]\ncell_A = 70", "crystal.cell_A: unknown name: did you mean cell_a?"),
        ("[detector]\ndistance = 100", "did you mean distance_mm?"),
        ("[detector]\nwavelength_A = 1", "it belongs into .beam.; .detector. has: "),
        ("[crystl]\ncell_a = 70", "crystl: unknown name: did you mean crystal?"),
        ("cell_a = 70", "cell_a: unknown name: it belongs into .crystal.; "),
        ("profil = 'reference'", "did you mean profile?"),
        ("[crystal]\nzzzz = 70", "unknown name: .crystal. has: "),
    ],
)
def test_a_slip_of_the_pen_gets_the_name_that_was_meant(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (CRYSTAL + 'hkl = "a.hkl"', "it stands above the first [table]"),
        (CRYSTAL + "roi = [0, 1, 0, 1]", "it stands above the first [table]"),
        ("[crystal]\ncell = [70, 80, 90]", "did you mean cell_a, cell_b, cell_c"),
        (CRYSTAL + "[detector]\npixel = 0.1", "did you mean pixel_size_mm of [detector]?"),
        (CRYSTAL + "[beam]\nenergy_eV = 12000", "did you mean wavelength_A of [beam]"),
    ],
)
def test_a_name_of_the_command_line_is_met_with_the_field(tmp_path, text, hint):
    (tmp_path / "e.toml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_toml(tmp_path / "e.toml")
    assert hint in str(caught.value)
