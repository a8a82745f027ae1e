"""What a build leaves out: passes, trials of instructions, and operations that are written out."""

import pytest
import torch
from torch import nn
from torch._inductor import cpp_builder, cpu_vec_isa

from nb_physics.elementary import horner, polynomial
from nb_physics.engine import quick
from nb_physics.engine.quick import quick_compiler, quick_settings, write_polynomials_out

COEFFICIENTS = [0.5, -1.25, 3.0, -0.125]


class Cubic(nn.Module):
    def forward(self, t):
        return polynomial(t, COEFFICIENTS) + 1


def test_a_polynomial_is_written_out_to_the_same_bits():
    t = torch.linspace(-2, 2, 101, dtype=torch.float64)
    program = torch.export.export(Cubic(), (t,), strict=False)
    assert "polynomial" in str(program.graph)
    write_polynomials_out(program.graph_module)
    assert "polynomial" not in str(program.graph)
    assert torch.equal(program.module()(t), horner(t, COEFFICIENTS) + 1)


def test_settings_that_this_inductor_does_not_know_are_left_out(monkeypatch):
    assert quick_settings()["pattern_matcher"] is False
    monkeypatch.setitem(quick._QUICK, "cpp.no_such_setting", True)
    monkeypatch.setitem(quick._QUICK, "no_such_setting", True)
    assert not any("no_such" in name for name in quick_settings())


@pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("AVX512", "AVX2"),
    reason="inductor is left to find the instructions of other processors",
)
def test_the_instructions_are_torchs_own_and_not_tried_out(monkeypatch):
    def compiles(isa, code):
        raise AssertionError("a program was compiled to try instructions")

    monkeypatch.setattr(cpu_vec_isa.VecISA, "check_build", compiles)
    cpu_vec_isa.valid_vec_isa_list.cache_clear()
    before = cpu_vec_isa.supported_vec_isa_list
    try:
        with quick_compiler():
            (found,) = cpu_vec_isa.valid_vec_isa_list()
            flags, _ = cpp_builder._get_optimization_cflags("g++")
    finally:
        cpu_vec_isa.valid_vec_isa_list.cache_clear()
    assert str(found).upper() == torch.backends.cpu.get_cpu_capability()
    assert {"O3", "fno-gcse"} <= set(flags)
    assert cpu_vec_isa.supported_vec_isa_list is before
    assert "fno-gcse" not in cpp_builder._get_optimization_cflags("g++")[0]


def test_an_inductor_without_these_pieces_is_left_as_it_is(monkeypatch):
    monkeypatch.delattr(cpu_vec_isa, "supported_vec_isa_list")
    monkeypatch.delattr(cpp_builder, "_get_optimization_cflags")
    with quick_compiler():
        assert not hasattr(cpu_vec_isa, "supported_vec_isa_list")
