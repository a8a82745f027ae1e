"""Which plugins there are, and one clear error for each way in which one can be wrong."""

import importlib.metadata
import sys
import types

import numpy as np
import pytest

from nb_core import ImageData, ImageFormat, InputError, PixelKind, hookimpl, image_formats
from nb_core.formats.image_format import IMAGE_FORMATS
from nb_core.plugins import DISABLE, PLUGINS, hookspec, kind_of, make_manager, register_plugin

BUILTIN = ["raw", "smv", "pgm"]


class Good(ImageFormat):
    """A complete format."""

    name = "good"
    title = "Good"
    summary = "nothing of value"
    endings = (".good",)
    holds = (PixelKind.PHOTONS,)

    def sniff(self, head, path):
        return head.startswith(b"GOOD")

    def read(self, path, shape=None):
        return ImageData(np.ones((2, 3)), PixelKind.PHOTONS, source=str(path))

    def write(self, path, image, *, overwrite=True):
        raise NotImplementedError


def plugin_of(*formats):
    """A plugin as a module that brings these formats."""
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_image_formats = hookimpl(lambda: list(formats))
    return module


def format_of(**attributes):
    return type("Made", (Good,), attributes)()


@pytest.fixture
def install(installed, monkeypatch):
    """See `installed`; without what the environment leaves out."""
    monkeypatch.delenv(DISABLE, raising=False)
    return installed


def names(**options):
    return list(image_formats(make_manager(**options)).entries)


def refused(*formats):
    """The error of a plugin that brings these formats."""
    manager = make_manager(external=False)
    register_plugin(manager, plugin_of(*formats), "mine")
    with pytest.raises(InputError) as error:
        image_formats(manager)
    return str(error.value)


def broken():
    raise RuntimeError("must not be loaded")


def test_the_built_in_formats_come_first_with_their_package(install):
    install(("extra", plugin_of(format_of(name="b"), format_of(name="a")), "nb-extra"))
    entries = image_formats().entries
    assert list(entries) == [*BUILTIN, "b", "a"]
    found = {name: (entry.plugin, entry.package, entry.version) for name, entry in entries.items()}
    version = importlib.metadata.version("nb-core")
    assert found["smv"] == ("builtin", "nb-core", version)
    assert found["a"] == ("extra", "nb-extra", "1.2")


def test_a_plugin_that_is_no_package_has_its_own_name(install):
    manager = make_manager()
    register_plugin(manager, plugin_of(Good()), "mine")
    entry = image_formats(manager).entries["good"]
    assert (entry.package, entry.version) == ("mine", "unknown")
    assert names() == BUILTIN


@pytest.mark.parametrize("value", ["all", "all,other", "first, second", " second ,first,, "])
def test_the_environment_leaves_plugins_out(install, monkeypatch, value):
    """They are not even imported."""
    install(("first", broken, "p1"), ("second", broken, "p2"))
    monkeypatch.setenv(DISABLE, value)
    assert names() == BUILTIN


@pytest.mark.parametrize("value", ["", " ", "unheard_of", "first"])
def test_the_environment_leaves_only_those_out_that_it_names(install, monkeypatch, value):
    formats = [format_of(name=name) for name in ("one", "two")]
    install(("first", plugin_of(formats[0]), "p1"), ("second", plugin_of(formats[1]), "p2"))
    monkeypatch.setenv(DISABLE, value)
    assert names() == [*BUILTIN, *(["two"] if value == "first" else ["one", "two"])]


def test_an_argument_stands_before_the_environment(install, monkeypatch):
    install(("first", plugin_of(Good()), "p1"))
    monkeypatch.setenv(DISABLE, "all")
    assert "good" in names(disabled=[])
    monkeypatch.delenv(DISABLE)
    assert names(disabled=["first"]) == names(external=False) == BUILTIN


def test_taps_are_left_out_by_a_name_of_their_own():
    assert (PLUGINS.name, DISABLE) == ("nb", "NB_PLUGINS_DISABLE")


def test_packages_of_nb_are_never_left_out_and_may_bring_hooks(install):
    """As nb-formats would: its group is nb_builtin, and its formats come before those of others."""
    module = plugin_of(Good())
    module.nb_register_sources = hookspec(lambda: [])
    install(("nb-more", module, "nb-more"), group="nb_builtin")
    manager = make_manager(external=False)
    assert list(image_formats(manager).entries) == [*BUILTIN, "good"]
    assert image_formats(manager).entries["good"].package == "nb-more"
    plugin = types.ModuleType("plugin_of_a_test")
    plugin.nb_register_sources = hookimpl(lambda: [Good()])
    register_plugin(manager, plugin, "mine")
    kinds = [(kind, brought.plugin) for kind, brought in PLUGINS.collect_all(manager)]
    assert ("source", "mine") in kinds
    assert ("image format", "builtin") in kinds


def test_an_unknown_hook_is_an_error(install):
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_image_format = hookimpl(lambda: [])
    install(("mistyped", module, "p1"))
    with pytest.raises(InputError, match=r"plugin: mistyped: .*nb_register_image_format") as error:
        make_manager()
    assert f"leave it out with {DISABLE}=mistyped" in str(error.value)


@pytest.mark.parametrize("text", ["import a_module_that_is_not_there", "1 / 0", "def broken(:"])
def test_a_plugin_that_cannot_be_imported_is_an_error(install, tmp_path, monkeypatch, text):
    (tmp_path / "broken_plugin.py").write_text(f"{text}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    entry = importlib.metadata.EntryPoint("broken", "broken_plugin", "nb")
    install(("broken", entry.load, "p1"))
    with pytest.raises(InputError, match=r"plugin: broken: .*Error") as error:
        make_manager()
    assert f"leave it out with {DISABLE}=broken" in str(error.value)
    assert "\n" not in str(error.value)
    sys.modules.pop("broken_plugin", None)


@pytest.mark.parametrize("answer", [lambda: None, lambda: 1 / 0])
def test_a_plugin_whose_hook_fails_is_an_error(answer):
    module = types.ModuleType("plugin_of_a_test")
    module.nb_register_image_formats = hookimpl(answer)
    manager = make_manager(external=False)
    register_plugin(manager, module, "mine")
    with pytest.raises(InputError, match=r"plugin: mine: (Type|ZeroDivision)Error: .*; mend or"):
        image_formats(manager)


def test_two_formats_of_one_name_are_an_error_that_names_both_packages(install):
    install(("mine", plugin_of(format_of(name="smv")), "nb-mine"))
    with pytest.raises(InputError, match=r"^plugin mine: smv: more than one image format") as error:
        image_formats()
    assert "from nb-core and nb-mine; rename one" in str(error.value)
    assert f"{DISABLE}=mine" in str(error.value)


def test_two_packages_with_one_entry_point_name_are_an_error(install):
    install(("same", plugin_of(Good()), "p1"), ("same", plugin_of(format_of(name="b")), "p2"))
    with pytest.raises(InputError, match=r"plugin: same: .*already registered"):
        make_manager()


@pytest.mark.parametrize("thing", [None, 3, Good, "good", object()])
def test_what_is_no_format_is_an_error(thing):
    assert "expected a nb_core.ImageFormat" in refused(thing)


@pytest.mark.parametrize("attribute", ["name", "title", "summary", "endings", "holds"])
@pytest.mark.parametrize("empty", [None, "", ()])
def test_an_attribute_that_is_missing_is_an_error(attribute, empty):
    message = refused(format_of(**{attribute: empty}))
    wanted = f"plugin mine: Made: the format has no {attribute}; set it as a class attribute"
    assert message == wanted


@pytest.mark.parametrize("name", ["Good", "9lives", "a b", "../x", "ä", "_a", "good\n", 5])
def test_a_bad_name_is_an_error(name):
    assert "a name has lower-case letters, digits, - and _" in refused(format_of(name=name))


@pytest.mark.parametrize("ending", ["npy", ".NPY", "", ".", ". npy", 5])
def test_a_bad_ending_is_an_error(ending):
    assert "good.endings: a dot, then" in refused(format_of(endings=(".a", ending)))


def test_a_kind_that_is_none_is_an_error():
    assert "good.holds: expected nb_core.PixelKind's" in refused(format_of(holds=("photons",)))


def test_a_complete_format_is_handed_back():
    one = Good()
    assert IMAGE_FORMATS.check(one, "mine") is one


@pytest.mark.parametrize("text", [None, "", 5])
def test_what_has_no_summary_cannot_be_listed(text):
    manager = make_manager(external=False)
    register_plugin(manager, plugin_of(format_of(summary=text)), "mine")
    with pytest.raises(InputError, match="plugin mine: Made: it has no summary"):
        list(PLUGINS.collect_all(manager))


def test_a_hook_says_its_kind():
    assert kind_of("nb_register_image_formats") == "image format"
