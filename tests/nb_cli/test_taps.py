"""nb taps: which probes there are, and what each records."""

import sys
from importlib.metadata import EntryPoint

import pytest

from nb_core.quantities import QUANTITIES
from nb_taps import Field, Tap, hookimpl
from nb_taps.builtin import nb_register_taps

BUILTIN = nb_register_taps()
NAMES = [tap.name for tap in BUILTIN]


class WeatherTap(Tap):
    """A tap of somebody else's package."""

    name = "weather"
    summary = "what it is like outside"
    quantities = ("omega",)
    fields = (Field("rain", "mm", (), "how much"),)

    def read(self, record):
        return {"rain": 0.0}


class Plugin:
    @hookimpl
    def nb_register_taps(self):
        return [WeatherTap()]


@pytest.fixture
def plugin(monkeypatch):
    """Such a package is installed."""
    entry = EntryPoint(name="outside", value="outside_taps", group="nb_taps")
    monkeypatch.delenv("NB_TAPS_DISABLE", raising=False)
    monkeypatch.setitem(sys.modules, "outside_taps", Plugin())
    found = {"nb_taps": [entry]}
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: found.get(group, []))


def rows(outcome):
    assert (outcome.code, outcome.err) == (0, "")
    return {line.split()[0]: line for line in outcome.out.splitlines()}


def test_there_are_fourteen():
    assert NAMES == [
        "geometry",
        "omega",
        "absorption",
        "polarization",
        "scattering",
        "orientation",
        "hkl_subpixel",
        "hkl_bounds",
        "f_cell",
        "f_latt",
        "accumulation",
        "intensity",
        "water",
        "noise",
    ]


def test_the_list_has_each_with_its_package(nb):
    found = rows(nb("taps list --no-plugins"))
    assert list(found) == NAMES
    for tap in BUILTIN:
        assert found[tap.name].split()[1:3] == ["nb-taps", "0.1.0"]
        assert found[tap.name].endswith(f"  {tap.summary}")


def test_the_list_is_aligned(nb):
    lines = nb("taps list --no-plugins").out.splitlines()
    assert len({line.index("nb-taps") for line in lines}) == 1


@pytest.mark.parametrize("tap", BUILTIN, ids=NAMES)
def test_each_is_shown(nb, tap):
    outcome = nb("taps", "show", tap.name)
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    assert lines[:2] == [f"{tap.name}: {tap.summary}", "from nb-taps 0.1.0"]
    middle = lines.index("from the quantities:")
    fields = [line.split() for line in lines[lines.index("records:") + 2 : middle - 1]]
    assert [row[:2] for row in fields] == [[field.name, field.unit] for field in tap.fields]
    for row, field in zip(fields, tap.fields, strict=True):
        text = " ".join(row)
        assert text.endswith(field.meaning)
        assert (" x ".join(field.axes) or " - ") in text
    quantities = [line.split() for line in lines[middle + 2 :]]
    assert [row[0] for row in quantities] == list(tap.quantities)
    for row in quantities:
        entry = QUANTITIES[row[0]]
        assert row[1:3] == [entry.unit, entry.stage]
        assert " ".join(row).endswith(" ".join(entry.meaning.split()))


def test_what_needs_the_whole_image_says_so(nb):
    said = {name for name in NAMES if "the whole image; runs only" in nb(f"taps show {name}").out}
    assert said == {"noise"}


def test_an_unknown_name(refused):
    line = refused("taps show omegas")
    assert line.startswith("nb: taps: omegas: expected some of: geometry, omega, ")


@pytest.mark.parametrize("words", ["taps show", "taps lists", "taps list omega"])
def test_usage(refused, words):
    refused(words)


def test_a_plugin_is_listed_after_them(nb, plugin):
    found = rows(nb("taps list"))
    assert list(found) == [*NAMES, "weather"]
    assert found["weather"].split()[1] == "outside"
    assert "rain" in nb("taps show weather").out


@pytest.mark.parametrize("names", ["outside", "other, outside ,", "all"])
def test_plugins_may_be_disabled(nb, plugin, monkeypatch, names):
    monkeypatch.setenv("NB_TAPS_DISABLE", names)
    assert list(rows(nb("taps list"))) == NAMES
    assert nb("taps show weather").code == 2


def test_disabling_others_leaves_it(nb, plugin, monkeypatch):
    monkeypatch.setenv("NB_TAPS_DISABLE", "other")
    assert "weather" in rows(nb("taps list"))


def test_plugins_may_be_left_out(nb, refused, plugin):
    assert list(rows(nb("taps list --no-plugins"))) == NAMES
    assert "weather" in refused("taps show --no-plugins weather")


def test_a_plugin_that_cannot_be_imported_is_named(refused, nb, plugin, monkeypatch):
    monkeypatch.delitem(sys.modules, "outside_taps")
    line = refused("taps list")
    assert "outside" in line
    assert "No module named 'outside_taps'" in line
    assert "NB_TAPS_DISABLE=outside" in line
    assert nb("taps list --no-plugins").code == 0


def test_a_plugin_cannot_take_the_name_of_another_tap(refused, plugin, monkeypatch):
    monkeypatch.setattr(WeatherTap, "name", "omega")
    line = refused("taps list")
    assert "omega" in line
    assert "nb-taps and outside" in line
