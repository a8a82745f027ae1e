"""Formats of structure factors and of experiments that plugins bring, found by their content."""

import json
import types
from pathlib import Path

import pytest
import torch

from nb_core import (
    Detector,
    InputError,
    Panel,
    Profile,
    StructureFactors,
    flags_to_experiment,
    hookimpl,
    read_experiment,
    read_fields,
    read_structure_factors,
    read_toml,
    with_crystal,
    with_geometry,
)
from nb_core.formats.experiment_format import EXPERIMENT_FORMATS, ExperimentFormat
from nb_core.formats.structure_source import STRUCTURE_SOURCES, StructureSource
from nb_core.testing import ExperimentFormatContract, StructureSourceContract

TOML = """
[crystal]
cell_a = 70.0
N_cells = [3, 4, 5]
misset_deg = [1.0, 2.0, 3.0]
default_F = 9.0

[beam]
wavelength_A = 1.25

[detector]
fpixels = 6
spixels = 5
"""


class JsonList(StructureSource):
    name = "json-list"
    title = "JSON"
    summary = "reflections as JSON"
    endings = (".refl",)

    def sniff(self, head, path):
        return head.startswith(b'{"reflections"')

    def read(self, path):
        entries = json.loads(Path(path).read_text())["reflections"]
        if not entries:
            raise InputError("JSON list", str(path), "no reflection in it")
        (((h, k, l), amplitude),) = entries
        present = torch.ones(1, 1, 1, dtype=torch.bool)
        F = torch.full((1, 1, 1), amplitude, dtype=torch.float64)
        return StructureFactors(F, present, h, k, l, 1, source=str(path))


class JsonGeometry(ExperimentFormat):
    name = "json-geometry"
    title = "JSON geometry"
    summary = "one panel and a wavelength"
    endings = (".geo",)

    def sniff(self, head, path):
        return head.startswith(b'{"panel"')

    def read(self, path):
        said = json.loads(Path(path).read_text())
        panel = Panel(
            name=said["panel"],
            origin_mm=(-1.0, 1.0, -100.0),
            fast_axis=(1.0, 0.0, 0.0),
            slow_axis=(0.0, -1.0, 0.0),
            pixel_size_mm=0.1,
            shape=(4, 3),
        )
        return {"experiment.detector": Detector((panel,)), "beam.wavelength_A": said["A"]}


def plugin(**hooks):
    module = types.SimpleNamespace()
    for name, brought in hooks.items():
        setattr(module, name, lambda brought=brought: brought)
        hookimpl(getattr(module, name))
    return module


@pytest.fixture
def outside(installed):
    hooks = {
        "nb_register_structure_sources": [JsonList()],
        "nb_register_experiment_formats": [JsonGeometry()],
    }
    installed(("outside", plugin(**hooks), "nb-outside"))


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.toml").write_text(TOML)
    (tmp_path / "list.hkl").write_text("1 2 3 4.5\n")
    (tmp_path / "list.refl").write_text('{"reflections": [[[1, 2, 3], 4.5]]}')
    (tmp_path / "d.geo").write_text('{"panel": "p0", "A": 0.5}')
    return tmp_path


@pytest.mark.usefixtures("outside")
class TestSources(StructureSourceContract):
    source = JsonList()
    content = b'{"reflections": [[[1, 2, 3], 4.5]]}'

    @pytest.mark.parametrize("name", ["list.hkl", "list.refl"])
    def test_a_list_is_read_by_its_content(self, files, name):
        path = (files / name).rename(files / "list")
        factors = read_structure_factors(path)
        assert (factors.h_min, factors.k_min, factors.l_min, factors.F.item()) == (1, 2, 3, 4.5)

    def test_an_option_and_a_file_name_one(self, files, monkeypatch):
        line = ["-cell", "70", "-hkl", str(files / "list.refl")]
        experiment = flags_to_experiment(line)
        assert experiment.structure_factors.F.item() == 4.5
        (files / "b.toml").write_text(f'hkl = "list.refl"\n{TOML}')
        assert read_toml(files / "b.toml").structure_factors.F.item() == 4.5

    def test_a_plain_text_list_asks_no_plugin(self, files, installed):
        installed(("broken", lambda: 1 / 0, "nb-broken"))
        assert read_structure_factors(files / "list.hkl").count == 1
        with pytest.raises(InputError, match="plugin: broken: ZeroDivisionError"):
            read_structure_factors(files / "list.refl")

    def test_what_nobody_reads_is_named(self, files):
        (files / "a.mtz").write_bytes(b"MTZ " + bytes(100))
        with pytest.raises(InputError, match=r"a\.mtz: the content is an MTZ file"):
            read_structure_factors(files / "a.mtz")

    def test_an_error_of_the_reader_is_one_line(self, files):
        (files / "list.refl").write_text('{"reflections": [[1]]}')
        with pytest.raises(InputError, match=r"cannot be read as JSON \(nb-outside\): ValueError"):
            read_structure_factors(files / "list.refl")
        (files / "list.refl").write_text('{"reflections": []}')
        with pytest.raises(InputError, match="no reflection in it"):
            read_structure_factors(files / "list.refl")


@pytest.mark.usefixtures("outside")
class TestExperiments(ExperimentFormatContract):
    experiment_format = JsonGeometry()
    content = b'{"panel": "p0", "A": 0.5}'

    def test_toml_is_one_of_them(self, files):
        assert set(EXPERIMENT_FORMATS.known()) == {"toml", "json-geometry"}
        assert read_experiment(files / "a.toml") == read_toml(files / "a.toml")

    def test_a_part_says_what_it_says(self, files):
        fields = read_fields(files / "d.geo")
        assert set(fields) == {"experiment.detector", "beam.wavelength_A"}
        with pytest.raises(InputError, match="cell_a: None: give the unit cell"):
            read_experiment(files / "d.geo")

    def test_options_complete_a_part(self, files):
        fields = read_fields(files / "d.geo")
        line = ["-cell", "50", "-default_F", "3", "-lambda", "2"]
        experiment = flags_to_experiment(line, base=fields)
        assert experiment.panels[0].name == "p0"
        assert (experiment.crystal.cell_a, experiment.beam.wavelength_A) == (50.0, 2.0)
        assert experiment.profile is Profile.CORRECTED

    def test_a_geometry_replaces_the_detector(self, files):
        fields = with_geometry(read_fields(files / "a.toml"), files / "d.geo")
        experiment = flags_to_experiment([], base=fields)
        assert experiment.panels[0].shape == (4, 3)
        assert experiment.beam.wavelength_A == 0.5
        assert experiment.crystal == read_toml(files / "a.toml").crystal

    def test_a_crystal_replaces_cell_and_orientation(self, files):
        fields = read_fields(files / "a.toml")
        other = files / "crystal.toml"
        other.write_text("[crystal]\ncell_a = 80.0\n[beam]\nwavelength_A = 7.0\n")
        crystal = flags_to_experiment([], base=with_crystal(fields, other)).crystal
        assert (crystal.cell_a, crystal.misset_deg, crystal.default_F) == (80.0, None, 9.0)
        assert crystal.N_cells == (3, 4, 5)
        assert with_crystal(fields, other)["beam.wavelength_A"] == 1.25

    def test_a_crystal_brings_its_list(self, files):
        other = files / "crystal.toml"
        other.write_text('hkl = "list.hkl"\n[crystal]\ncell_a = 80.0\n')
        fields = with_crystal(read_fields(files / "a.toml"), other)
        assert flags_to_experiment([], base=fields).structure_factors.F.item() == 4.5

    def test_a_toml_file_says_what_is_written_in_it(self, files):
        """A geometry keeps the dose and the polarization that it says nothing of."""
        (files / "b.toml").write_text(TOML + "[sampling]\noversample = 1\n")
        base = read_fields(files / "b.toml") | {"beam.flux": 1e9, "beam.polarization_factor": 0.8}
        (files / "g.toml").write_text("[detector]\nfpixels = 3\n[beam]\nwavelength_A = 2.0\n")
        beam = flags_to_experiment([], base=with_geometry(base, files / "g.toml")).beam
        assert (beam.flux, beam.polarization_factor, beam.wavelength_A) == (1e9, 0.8, 2.0)

    def test_a_file_that_says_nothing_of_it_is_refused(self, files):
        with pytest.raises(InputError, match=r"--crystal: .*d\.geo: it says nothing of a crystal"):
            with_crystal({}, files / "d.geo")
        (files / "c.toml").write_text("[crystal]\ncell_a = 80.0\n")
        with pytest.raises(InputError, match=r"--geometry: .*c\.toml: it says nothing of a det"):
            with_geometry({}, files / "c.toml")

    @pytest.mark.parametrize("said", [{"crystal": 3}, {"wave.length": 2}, {"beam.x": 2}, [1], 7])
    def test_what_is_no_field_is_refused_with_its_plugin(self, files, monkeypatch, said):
        monkeypatch.setattr(JsonGeometry, "read", lambda self, path: said)
        with pytest.raises(InputError, match=r"plugin outside: .* is no field of an experiment"):
            read_fields(files / "d.geo")

    def test_a_part_alone_needs_a_crystal_and_structure_factors(self, files):
        fields = read_fields(files / "d.geo")
        with pytest.raises(InputError, match="-cell: "):
            flags_to_experiment([], base=fields)
        with pytest.raises(InputError, match="-hkl: "):
            flags_to_experiment(["-cell", "50"], base=fields)

    def test_what_nobody_reads_is_named(self, files):
        (files / "p.inp").write_text("ORGX= 5\nORGY= 6\n")
        with pytest.raises(InputError, match=r"p\.inp: the content is an XDS\.INP"):
            read_fields(files / "p.inp")

    def test_a_format_may_write(self, files):
        with pytest.raises(InputError, match=r"JSON geometry experiment: .*can only be read"):
            JsonGeometry().write(files / "x.geo", read_toml(files / "a.toml"))


def test_those_that_come_with_nb():
    from nb_core import make_manager

    manager = make_manager(external=False)
    assert list(STRUCTURE_SOURCES.known(manager)) == ["hkl"]
    known = EXPERIMENT_FORMATS.known(manager)
    assert list(known) == ["toml"]


def test_toml_is_written_and_read(tmp_path):
    from nb_core.formats.experiment_format import Toml

    (tmp_path / "a.toml").write_text(TOML)
    experiment = read_experiment(tmp_path / "a.toml")
    Toml().write(tmp_path / "b.toml", experiment)
    assert read_experiment(tmp_path / "b.toml") == experiment
