"""What experiments hold in memory: arrays and lists are taken, what is no number is refused."""

import numpy as np
import pytest
import torch

from nb_core import InputError, Mask, OrientationMatrix, SourceTable, StructureFactors

NAN, INF = float("nan"), float("inf")


def factors(F, present=None, **more):
    shape = np.shape(F.detach() if isinstance(F, torch.Tensor) else F)
    present = np.ones(shape, dtype=bool) if present is None else present
    return StructureFactors(F, present, **{"h_min": 0, "k_min": 0, "l_min": 0, "count": 1, **more})


@pytest.mark.parametrize("make", [np.array, list, torch.tensor])
def test_numbers_are_taken_as_tensors_arrays_or_lists(make):
    matrix = OrientationMatrix(make([[0.01, 0.0, 0.0], [0.0, 0.02, 0.0], [0.0, 0.0, 0.03]]))
    assert matrix.values.is_floating_point()
    assert matrix.values.diagonal().tolist() == pytest.approx([0.01, 0.02, 0.03])
    table = SourceTable(make([[-1.0, 0.0, 0.0]]), make([2.0]), make([1e-10]))
    assert (table.weights.tolist(), table.positions_m.shape) == ([2.0], (1, 3))
    listed = factors(make([[[1.0, 2.0]]]), make([[[True, False]]]), h_min=np.int64(-3))
    assert listed.F.tolist() == [[[1.0, 2.0]]]
    assert listed.present.dtype is torch.bool
    assert type(listed.h_min) is int


def test_a_tensor_stays_itself_with_its_gradient():
    F = torch.ones(1, 1, 2, dtype=torch.float64, requires_grad=True)
    assert factors(F).F is F
    single = torch.ones(3, 3)
    assert OrientationMatrix(single).values is single


def test_whole_numbers_become_float64():
    assert factors(np.array([[[3, 4]]])).F.dtype is torch.float64
    assert OrientationMatrix(torch.eye(3, dtype=torch.int64)).values.dtype is torch.float64


ONE = [[-1.0, 0.0, 0.0]]
REFUSED = {
    "F of two axes": (lambda: factors([[1.0]]), "F: .*expected the shape .h, k, l."),
    "F with NaN": (lambda: factors([[[1.0, NAN]]]), "F: NaN or infinity"),
    "F with infinity": (lambda: factors([[[INF, 1.0]]]), "F: NaN or infinity"),
    "F of text": (lambda: factors("text"), "F: str: expected numbers"),
    "F of None": (lambda: factors(None), "F: .*expected"),
    "ragged F": (
        lambda: StructureFactors([[[1.0], [1.0, 2.0]]], [[[True]]], 0, 0, 0, 1),
        "F: list",
    ),
    "present of another shape": (
        lambda: factors([[[1.0, 2.0]]], [[[True]]]),
        "present: .*expected the shape of F, .1, 1, 2.",
    ),
    "h_min of 0.5": (lambda: factors([[[1.0]]], h_min=0.5), "h_min: 0.5: expected a whole number"),
    "matrix of two rows": (lambda: OrientationMatrix(np.eye(2)), "matrix: .*shape .3, 3."),
    "matrix with NaN": (lambda: OrientationMatrix(np.full((3, 3), NAN)), "matrix: NaN"),
    "matrix of text": (lambda: OrientationMatrix("A.mat"), "matrix: str: expected numbers"),
    "positions of two numbers": (
        lambda: SourceTable([[1, 2]], [1], [1]),
        "positions_m: .*source, 3",
    ),
    "weights too many": (lambda: SourceTable(ONE, [1, 2], [1e-10]), "weights: .*shape .1."),
    "infinite wavelength": (lambda: SourceTable(ONE, [1], [INF]), "wavelengths_m: infinity"),
    "mask of one axis": (lambda: Mask(np.ones(4)), "mask: .*two axes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_such_thing_is_refused(name):
    make, message = REFUSED[name]
    with pytest.raises(InputError, match=message):
        make()


def test_nan_is_what_a_table_or_a_list_leaves_out():
    assert SourceTable(ONE, [NAN], [NAN]).weights.isnan().all()
    assert not factors([[[NAN, 1.0]]], [[[False, True]]]).present.all()


def test_each_says_in_a_line_what_it_holds():
    big = factors(np.ones((40, 40, 40)), count=64000)
    assert repr(big) == "StructureFactors(64000 in a grid of 40 x 40 x 40 (h, k, l), from memory)"
    assert (
        repr(SourceTable(ONE * 50, [1] * 50, [1e-10] * 50))
        == "SourceTable(50 sources, from memory)"
    )
    assert repr(Mask(np.eye(30))) == "Mask(30 of 30 x 30 pixels, from memory)"
    assert repr(OrientationMatrix(np.eye(3), "a.mat")).endswith("0 0 1], from a.mat)")
