"""Which taps there are, and one clear error for each way in which a plugin can be wrong."""

import functools
import importlib.metadata
import sys
import types

import pytest

from nb_core import InputError
from nb_taps import Field, Tap, choose_taps, collect_taps, hookimpl, make_manager, register_plugin
from nb_taps.manager import DISABLE, check_tap

BUILTIN = [
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


class Good(Tap):
    """A complete tap."""

    name = "good"
    summary = "the photons"
    quantities = ("photons",)
    fields = (Field("photons", "photons", (), "the pixel of the image"),)

    def read(self, record):
        return {"photons": record.number("photons")}


def plugin_of(*taps, **options):
    """A plugin as a module that brings these taps."""
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_taps = hookimpl(lambda: list(taps), **options)
    return module


def tap_of(**attributes):
    return type("Made", (Good,), attributes)()


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv(DISABLE, raising=False)


@pytest.fixture
def install(installed):
    """See `installed`; in the group of taps."""
    return functools.partial(installed, group="nb_taps")


def refused(*taps):
    """The error of a plugin that brings these taps."""
    manager = make_manager(external=False)
    register_plugin(manager, plugin_of(*taps), "mine")
    with pytest.raises(InputError) as error:
        collect_taps(manager)
    return str(error.value)


def test_the_built_in_taps_in_order(install):
    taps = collect_taps(make_manager())
    assert list(taps) == BUILTIN
    version = importlib.metadata.version("nb-taps")
    assert {(entry.package, entry.version) for entry in taps.values()} == {("nb-taps", version)}
    assert all(entry.name == name == entry.tap.name for name, entry in taps.items())


@pytest.mark.parametrize("options", [{}, {"tryfirst": True}, {"trylast": True}])
def test_installed_taps_come_after_them_with_their_package(install, options):
    install(("extra", plugin_of(tap_of(name="b"), tap_of(name="a"), **options), "nb-tap-extra"))
    taps = collect_taps(make_manager())
    assert list(taps) == [*BUILTIN, "b", "a"]
    assert [(taps[n].package, taps[n].version) for n in "ab"] == [("nb-tap-extra", "1.2")] * 2


def test_a_plugin_that_is_no_package_has_its_own_name(install):
    manager = make_manager()
    register_plugin(manager, plugin_of(Good()), "mine")
    entry = collect_taps(manager)["good"]
    assert (entry.package, entry.version) == ("mine", "unknown")


def test_a_plugin_may_be_an_object(install):
    class Plugin:
        @hookimpl
        def nb_register_taps(self):
            return (Good(),)

    install(("object", Plugin(), "nb-tap-object"))
    assert "good" in collect_taps(make_manager())


def test_two_managers_know_nothing_of_each_other(install):
    one, other = make_manager(), make_manager()
    register_plugin(one, plugin_of(Good()), "mine")
    assert "good" in collect_taps(one)
    assert "good" not in collect_taps(other)
    register_plugin(other, plugin_of(Good()), "mine")
    assert "good" in collect_taps(other)


def broken():
    raise RuntimeError("must not be loaded")


@pytest.mark.parametrize("value", ["all", "all,other", "first, second", " second ,first,, "])
def test_the_environment_leaves_plugins_out(install, monkeypatch, value):
    """They are not even imported."""
    install(("first", broken, "p1"), ("second", broken, "p2"))
    monkeypatch.setenv(DISABLE, value)
    assert list(collect_taps(make_manager())) == BUILTIN


@pytest.mark.parametrize("value", ["", " ", "unheard_of", "first"])
def test_the_environment_leaves_only_those_out_that_it_names(install, monkeypatch, value):
    taps = [tap_of(name=name) for name in ("one", "two")]
    install(("first", plugin_of(taps[0]), "p1"), ("second", plugin_of(taps[1]), "p2"))
    monkeypatch.setenv(DISABLE, value)
    expected = ["two"] if value == "first" else ["one", "two"]
    assert list(collect_taps(make_manager())) == [*BUILTIN, *expected]


def test_an_argument_stands_before_the_environment(install, monkeypatch):
    install(("first", plugin_of(Good()), "p1"))
    monkeypatch.setenv(DISABLE, "all")
    assert "good" in collect_taps(make_manager(disabled=[]))
    monkeypatch.delenv(DISABLE)
    assert "good" not in collect_taps(make_manager(disabled=["first"]))


def test_external_plugins_can_be_left_out(install):
    install(("first", broken, "p1"))
    assert list(collect_taps(make_manager(external=False))) == BUILTIN


@pytest.mark.parametrize(
    ("plugins", "names"),
    [
        (
            [("mine", plugin_of(tap_of(name="omega")), "nb-tap-mine")],
            "from nb-taps and nb-tap-mine",
        ),
        (
            [("one", plugin_of(Good()), "nb-tap-one"), ("two", plugin_of(Good()), "nb-tap-two")],
            "from nb-tap-one and nb-tap-two",
        ),
        ([("one", plugin_of(Good(), Good()), "nb-tap-one")], "from nb-tap-one;"),
    ],
)
def test_two_taps_of_one_name_are_an_error_that_names_both_packages(install, plugins, names):
    install(*plugins)
    manager = make_manager()
    with pytest.raises(InputError, match=f"{names}.*rename one of them"):
        collect_taps(manager)


def test_an_unknown_hook_is_an_error(install):
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_tabs = hookimpl(lambda: [])
    install(("mistyped", module, "p1"))
    with pytest.raises(InputError, match=r"tap plugin: mistyped: .*nb_register_tabs") as error:
        make_manager()
    assert f"{DISABLE}=mistyped" in str(error.value)


def test_a_hook_with_unknown_arguments_is_an_error():
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_taps = hookimpl(lambda settings: [])
    with pytest.raises(InputError, match=r"tap plugin: mine: .*settings"):
        register_plugin(make_manager(external=False), module, "mine")


@pytest.mark.parametrize(
    "text", ["import a_module_that_is_not_there", "1 / 0", "def broken(:", "raise KeyError"]
)
def test_a_plugin_that_cannot_be_imported_is_an_error(install, tmp_path, monkeypatch, text):
    (tmp_path / "broken_plugin.py").write_text(f"{text}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    entry = importlib.metadata.EntryPoint("broken", "broken_plugin", "nb_taps")
    install(("broken", entry.load, "p1"))
    with pytest.raises(InputError, match=r"tap plugin: broken: .*Error") as error:
        make_manager()
    assert f"leave it out with {DISABLE}=broken" in str(error.value)
    assert "\n" not in str(error.value)
    sys.modules.pop("broken_plugin", None)


def test_a_plugin_whose_hook_fails_is_an_error():
    def nb_register_taps():
        raise OSError("no such\nfile")

    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_taps = hookimpl(nb_register_taps)
    manager = make_manager(external=False)
    register_plugin(manager, module, "mine")
    with pytest.raises(InputError, match="tap plugin: mine: OSError: no such file; mend or remove"):
        collect_taps(manager)


def test_a_hook_that_returns_nothing_is_an_error():
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_taps = hookimpl(lambda: None)
    manager = make_manager(external=False)
    register_plugin(manager, module, "mine")
    with pytest.raises(InputError, match="tap plugin: mine: TypeError"):
        collect_taps(manager)


def test_a_name_registered_twice_is_an_error():
    manager = make_manager(external=False)
    register_plugin(manager, plugin_of(Good()), "mine")
    with pytest.raises(InputError, match=r"tap plugin: mine: .*already registered"):
        register_plugin(manager, plugin_of(Good()), "mine")


def test_two_packages_with_one_entry_point_name_are_an_error(install):
    install(("same", plugin_of(Good()), "p1"), ("same", plugin_of(tap_of(name="b")), "p2"))
    with pytest.raises(InputError, match=r"tap plugin: same: .*already registered"):
        make_manager()


@pytest.mark.parametrize("tap", [None, 3, Good, "good", object()])
def test_what_is_no_tap_is_an_error(tap):
    assert "expected an instance of a nb_taps.Tap" in refused(tap)


@pytest.mark.parametrize("name", ["Good", "9lives", "a-b", "a b", "../x", "ä", "_a", "good\n", 5])
def test_a_bad_name_is_an_error(name):
    message = refused(tap_of(name=name))
    assert message.startswith("tap plugin mine: ")
    assert "a name has lower-case letters, digits and underscores" in message


@pytest.mark.parametrize("attribute", ["name", "summary", "quantities", "fields"])
@pytest.mark.parametrize("empty", [None, "", ()])
def test_an_attribute_that_is_missing_is_an_error(attribute, empty):
    message = refused(tap_of(**{attribute: empty}))
    assert message == (
        f"tap plugin mine: Made: the tap has no {attribute}; set it as a class attribute"
    )


def test_an_attribute_that_was_never_set_is_an_error():
    class Bare(Tap):
        def read(self, record):
            return {}

    assert (
        refused(Bare()) == "tap plugin mine: Bare: the tap has no name; set it as a class attribute"
    )


@pytest.mark.parametrize("quantities", [("photons", "charm"), ("charm",), "photons"])
def test_an_unknown_quantity_is_an_error(quantities):
    message = refused(tap_of(quantities=quantities))
    assert "no such quantity; have: position, airpath, diffracted" in message


def test_two_fields_of_one_name_are_an_error():
    fields = [Field("x", "1", (), "first"), Field("x", "m", (), "second")]
    assert "good: two fields have the same name" in refused(tap_of(fields=fields))


def test_a_field_that_is_none_is_an_error():
    assert "photons: good.fields: expected nb_taps.Field's" in refused(tap_of(fields=("photons",)))


def test_a_complete_tap_is_handed_back():
    tap = Good()
    assert check_tap(tap, "mine") is tap


def test_all_taps_are_chosen_but_those_of_the_whole_image():
    taps = collect_taps(make_manager(external=False))
    assert [entry.name for entry in choose_taps(taps, None)] == BUILTIN[:-1]
    assert BUILTIN[-1] == "noise"


def test_taps_are_chosen_by_name_once_and_in_order():
    taps = collect_taps(make_manager(external=False))
    chosen = choose_taps(taps, ["noise", "omega", "noise"])
    assert [entry.name for entry in chosen] == ["noise", "omega"]
    assert choose_taps(taps, []) == []


def test_a_name_that_no_tap_has_is_an_error():
    taps = collect_taps(make_manager(external=False))
    with pytest.raises(InputError, match="taps: onega: expected some of: geometry, omega, abs"):
        choose_taps(taps, ["omega", "onega"])
