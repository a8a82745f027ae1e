"""Friedel mates: F(-h -k -l) = F(h k l)."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nb_core import experiment_to_flags, flags_to_experiment, read_toml
from nb_core.errors import InputError, NbWarning
from nb_core.formats.hkl import read_hkl
from nb_core.friedel import lacks_friedel_mates, with_friedel_mates
from nb_core.toml import experiment_to_toml

INDEX = st.integers(-4, 4)
LISTS = st.dictionaries(st.tuples(INDEX, INDEX, INDEX), st.floats(1, 99), min_size=1, max_size=20)


def write(folder, reflections):
    path = folder / "list.hkl"
    lines = [f"{h} {k} {l} {F!r}\n" for (h, k, l), F in reflections.items()]
    path.write_text("".join(lines))
    return path


def listed(factors):
    """The reflections of a list, as a dictionary."""
    lowest = (factors.h_min, factors.k_min, factors.l_min)
    found = {}
    for place in factors.present.nonzero().tolist():
        index = tuple(low + at for low, at in zip(lowest, place, strict=True))
        found[index] = factors.F[tuple(place)].item()
    return found


@given(reflections=LISTS)
def test_every_reflection_has_its_mate_and_the_listed_ones_stay(tmp_path_factory, reflections):
    factors = read_hkl(write(tmp_path_factory.mktemp("list"), reflections))
    assert listed(factors) == reflections
    mates = {(-h, -k, -l): F for (h, k, l), F in reflections.items()}
    both = with_friedel_mates(factors)
    assert listed(both) == mates | reflections
    assert (both.count, both.friedel) == (len(mates | reflections), True)
    assert listed(with_friedel_mates(both)) == listed(both)
    assert not lacks_friedel_mates(both)


@pytest.mark.parametrize(
    ("indices", "lacks"),
    [
        ([(1, 0, 0), (0, 1, 0), (1, 2, 3)], True),
        ([(1, -2, 0), (-1, 2, 0), (-3, 1, 2)], True),
        ([(-1, 2, 3), (-2, -3, 1), (-1, 0, 0)], True),
        ([(1, 2, 3), (-1, -2, -3)], False),
        ([(1, -2, 3), (-1, 2, -2)], False),
        ([(0, 0, 0)], False),
    ],
)
def test_a_list_on_one_side_of_a_plane_lacks_its_mates(tmp_path, indices, lacks):
    factors = read_hkl(write(tmp_path, dict.fromkeys(indices, 5.0)))
    assert lacks_friedel_mates(factors) is lacks


def test_a_gradient_reaches_both_mates(tmp_path):
    factors = read_hkl(write(tmp_path, {(1, 0, 2): 5.0, (0, 1, 0): 3.0}))
    F = factors.F.clone().requires_grad_()
    both = with_friedel_mates(type(factors)(**(vars(factors) | {"F": F})))
    both.F.sum().backward()
    assert F.grad[factors.present].tolist() == [2.0, 2.0]


def test_a_grid_that_becomes_too_large_is_refused(tmp_path):
    path = write(tmp_path, {(900, 900, 900): 1.0, (901, 901, 901): 2.0})
    factors = read_hkl(path)
    with pytest.raises(InputError, match=r"list\.hkl: .* cut the list"):
        with_friedel_mates(factors)


def test_the_option_and_the_file_say_the_same(tmp_path):
    path = write(tmp_path, {(1, 0, 2): 5.0, (0, 1, 0): 3.0})
    line = ["-cell", "70", "-hkl", str(path)]
    plain = flags_to_experiment(line)
    assert plain.structure_factors.count == 2
    experiment = flags_to_experiment([*line, "-friedel"])
    assert experiment.structure_factors.count == 4
    flags = experiment_to_flags(experiment)
    assert "-friedel" in flags
    assert "-friedel" not in experiment_to_flags(plain)
    assert flags_to_experiment(flags).structure_factors.count == 4
    toml = tmp_path / "a.toml"
    toml.write_text(experiment_to_toml(experiment, tmp_path))
    assert "friedel = true" in toml.read_text()
    assert read_toml(toml).structure_factors.count == 4
    toml.write_text(experiment_to_toml(plain, tmp_path))
    assert flags_to_experiment(["-friedel"], base=read_toml(toml)).structure_factors.count == 4
    toml.write_text('friedel = "yes"\nhkl = "list.hkl"\n[crystal]\ncell_a = 70.0\n')
    with pytest.raises(InputError, match="friedel: 'yes': expected true or false"):
        read_toml(toml)


def test_without_a_list_the_option_says_that_it_has_no_effect():
    with pytest.warns(NbWarning, match="friedel has no effect"):
        experiment = flags_to_experiment(["-cell", "70", "-default_F", "5", "-friedel"])
    assert experiment.structure_factors is None


def test_f_is_the_same_where_there_is_nothing_to_add(tmp_path):
    factors = read_hkl(write(tmp_path, {(1, 2, 0): 5.0, (-1, -2, 0): 3.0}))
    both = with_friedel_mates(factors)
    assert torch.equal(both.F, factors.F)
