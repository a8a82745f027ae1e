"""Configs that plugins bring: named in files and on command lines, written and read back."""

import dataclasses
import types
from dataclasses import dataclass

import pytest
import torch
from config_making import make
from hypothesis import given
from hypothesis import strategies as st

from nb_core import (
    SHAPES,
    BackgroundConfig,
    BackgroundTerm,
    BeamConfig,
    CrystalConfig,
    CrystalShape,
    DetectorConfig,
    Experiment,
    InputError,
    PluginConfigKind,
    Shape,
    experiment_to_flags,
    file_field,
    flags_to_experiment,
    hookimpl,
    read_toml,
    write_toml,
)
from nb_core.configs.background import terms_of
from nb_core.configs.checks import Scalar
from nb_core.configs.plugin_config import config_to_plain, config_to_text
from nb_core.configs.shape import shape_of


@dataclass(frozen=True)
class Needle(Shape):
    name = "needle"
    label = "needle"
    summary = "long and thin"

    length_um: Scalar = 5.0
    taper: Scalar = 0.25
    hollow: bool = False


@dataclass(frozen=True)
class Disc(Shape):
    name = "disc"
    label = "disc"
    summary = "flat and round"


@pytest.fixture
def needle(installed):
    installed(("needle", plugin(Needle, Disc), "nb-needle"))


def plugin(*classes):
    module = types.SimpleNamespace(nb_register_shapes=lambda: list(classes))
    hookimpl(module.nb_register_shapes)
    return module


def experiment(shape):
    own = shape_of("shape", shape)
    crystal = CrystalConfig(cell_a=50.0, N_cells=(5, 5, 5), default_F=1.0, shape=own)
    return Experiment(crystal, DetectorConfig(spixels=4, fpixels=4), BeamConfig())


WAYS = {
    "needle": Needle(),
    " Needle ": Needle(),
    "needle:length_um=7.5": Needle(length_um=7.5),
    "needle: length_um = 7.5 , taper=1e-3": Needle(length_um=7.5, taper=1e-3),
    "disc": Disc(),
}
TABLES = [
    ({"name": " Needle"}, Needle()),
    ({"name": "needle", "hollow": True}, Needle(hollow=True)),
    ({"name": "disc"}, Disc()),
]


@pytest.mark.usefixtures("needle")
@pytest.mark.parametrize(("said", "meant"), [*WAYS.items(), *TABLES])
def test_a_config_is_named_in_several_ways(said, meant):
    assert experiment(said).crystal.shape == meant


@pytest.mark.usefixtures("needle")
@pytest.mark.parametrize("shape", CrystalShape)
def test_nanobraggs_own_go_before(shape):
    assert experiment(shape.value).crystal.shape is shape


@pytest.mark.usefixtures("needle")
def test_an_option_names_one():
    line = ["-cell", "50", "-default_F", "1", "-shape", "needle:taper=0.5"]
    assert flags_to_experiment(line).crystal.shape == Needle(taper=0.5)


@given(length=st.floats(-1e9, 1e9), taper=st.floats(-1.0, 1.0), hollow=st.booleans())
def test_what_is_written_is_read_back(tmp_path_factory, length, taper, hollow):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginConfigKind, "known", lambda kind, manager=None: KNOWN)
        shape = Needle(length_um=length, taper=taper, hollow=hollow)
        path = tmp_path_factory.mktemp("toml") / "needle.toml"
        write_toml(path, experiment(shape))
        assert read_toml(path).crystal.shape == shape
        if not hollow:  # a flag is for tables
            flags = experiment_to_flags(experiment(shape))
            assert flags_to_experiment(flags).crystal.shape == shape


KNOWN = {c.name: types.SimpleNamespace(thing=c, plugin="needle") for c in (Needle, Disc)}


def test_only_what_differs_is_written():
    assert config_to_plain(Needle()) == config_to_text(Needle()) == "needle"
    assert config_to_plain(Needle(taper=2.0)) == {"name": "needle", "taper": 2.0}
    assert config_to_text(Needle(taper=2.0, length_um=3.0)) == "needle:length_um=3.0,taper=2.0"
    graded = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    assert config_to_plain(Needle(taper=graded)) == {"name": "needle", "taper": 2.0}


def test_two_shapes_of_the_same_numbers_are_two():
    assert experiment(Needle()) != experiment(dataclasses.replace(Needle(), taper=1.0))
    assert experiment(Disc()) != experiment(CrystalShape.ROUND)
    assert experiment(Disc()) == experiment(Disc())


REFUSED = [
    ("needle:taper=1,taper=2", r"shape: needle:taper=1,taper=2: taper is given twice"),
    ("nedle", r"shape: nedle: did you mean needle\? expected a CrystalShape, one of: square, rou"),
    ("needle:taper", r"shape: needle:taper: expected needle:field=value,field=value"),
    ("needle:taper=x", r"needle\.taper: 'x'"),
    ("needle:tapper=1", r"tapper: 1.0: no such field; did you mean taper\? Needle has: length"),
    ({"taper": 1.0}, r"shape: .*expected a CrystalShape, one of: .*or a table with its name"),
    ({"name": "needle", "taper": "wide"}, r"needle\.taper: 'wide'"),
    ({"name": "needle", "taper": float("nan")}, r"needle\.taper: nan"),
    (7, r"shape: 7: expected a CrystalShape, one of: square, round, gauss, tophat, needle, disc"),
]


@pytest.mark.usefixtures("needle")
@pytest.mark.parametrize(("said", "message"), REFUSED)
def test_what_is_not_one_is_refused(said, message):
    with pytest.raises(InputError, match=message):
        experiment(said)


class Rod(Shape):
    name, label, summary = "rod", "rod", "long"


@dataclass(frozen=True)
class Bare(Shape):
    name, label, summary = "bare", "bare", "without defaults"
    width: Scalar


INCOMPLETE = [
    (3, "plugin needle: int: expected a class derived from Shape"),
    (CrystalShape, "plugin needle: CrystalShape: expected a class derived from Shape"),
    (Disc(), "plugin needle: Disc: expected a class derived from Shape"),
    (type("Anon", (Shape,), {"label": "a", "summary": "b"}), "Anon: name must be a text of one"),
    (type("Anon", (Shape,), {"name": "a", "label": "a", "summary": "b\nc"}), "Anon: summary must"),
    (
        type("Anon", (Shape,), {"name": "A b", "label": "a", "summary": "b"}),
        "A b: a name has low",
    ),
    (Bare, "plugin needle: Bare.width: a field needs a default"),
]


@pytest.mark.parametrize(("thing", "message"), INCOMPLETE)
def test_what_is_not_complete_is_refused_with_its_plugin(installed, thing, message):
    installed(("needle", plugin(thing), "nb-needle"))
    with pytest.raises(InputError, match=message):
        SHAPES.known()


def test_two_of_one_name_are_refused(installed):
    installed(("a", plugin(Rod), "nb-a"), ("b", plugin(Rod), "nb-b"))
    with pytest.raises(InputError, match="more than one shape of this name, from nb-a and nb-b"):
        SHAPES.known()


@dataclass(frozen=True)
class Haze(BackgroundTerm):
    name = "haze"
    label = "haze"
    summary = "from a file"

    file: str = file_field()
    level: Scalar = 1.0


def with_terms(*terms):
    return dataclasses.replace(experiment("round"), background=BackgroundConfig(terms=terms))


@pytest.fixture
def haze(installed):
    module = types.SimpleNamespace(nb_register_backgrounds=lambda: [Haze])
    hookimpl(module.nb_register_backgrounds)
    installed(("haze", module, "nb-haze"))


@pytest.mark.usefixtures("haze")
class TestBackgrounds:
    def test_several_are_written_and_read_back(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        whole = with_terms(Haze(file="a.txt", level=2.0), Haze())
        write_toml(tmp_path / "a.toml", whole)
        assert 'file = "a.txt"' in (tmp_path / "a.toml").read_text()
        found = read_toml("a.toml").background.terms
        assert found == (Haze(file="a.txt", level=2.0), Haze())

    def test_a_file_is_seen_from_the_folder_of_the_toml_file(self, tmp_path):
        table = '[background]\nterms = [{name = "haze", file = "a.txt"}, "haze"]\n'
        (tmp_path / "a.toml").write_text(f"[crystal]\ncell_a = 50.0\n{table}")
        first, second = read_toml(tmp_path / "a.toml").background.terms
        assert (first.file, second.file) == (str(tmp_path / "a.txt"), "")

    def test_an_option_says_one(self):
        line = ["-cell", "50", "-default_F", "1", "-background", "haze:file=b.txt,level=3"]
        assert flags_to_experiment(line).background.terms == (Haze(file="b.txt", level=3.0),)
        assert "haze:file=b.txt,level=3.0" in experiment_to_flags(flags_to_experiment(line))
        with pytest.raises(InputError, match="terms: 2 of them: the option says one"):
            experiment_to_flags(with_terms(Haze(), Haze()))

    def test_an_option_is_given_once(self):
        line = ["-cell", "50", "-default_F", "1", "-background", "haze", "-background", "haze"]
        with pytest.raises(InputError, match="-background: haze: give it once"):
            flags_to_experiment(line)

    @pytest.mark.parametrize("terms", [Haze(), (3,), ("haze",), 7])
    def test_what_is_no_tuple_of_terms_is_refused(self, terms):
        with pytest.raises(InputError, match="terms"):
            make(BackgroundConfig, terms=terms)

    def test_an_unknown_one_is_named(self):
        with pytest.raises(InputError, match=r"terms: hase: did you mean haze\?"):
            terms_of("terms", "hase")
