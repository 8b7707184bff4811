import pytest
import torch
from torchvision.ops import box_iou, generalized_box_iou_loss

from maskcam.networks.yunet import grid_cells
from train.assignment import assign, eiou_loss, pairwise_iou, side_loss


def random_boxes(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=generator) * 200
    return torch.cat([corners, corners + 10 + torch.rand(count, 2, generator=generator) * 80], 1)


def test_iou_equals_torchvision() -> None:
    a, b = random_boxes(20, 0), random_boxes(30, 1)
    torch.testing.assert_close(pairwise_iou(a, b), box_iou(a, b))


def test_eiou_of_equal_and_of_worse_boxes() -> None:
    boxes = random_boxes(10, 0)
    assert eiou_loss(boxes, boxes).abs().max() < 1e-5
    shifts = [eiou_loss(boxes + step, boxes).mean() for step in (2, 5, 20, 100)]
    assert shifts == sorted(shifts)
    # both are 1 - IoU plus penalties, so neither is ever below 1 - IoU
    other = random_boxes(10, 1)
    iou = pairwise_iou(other, boxes).diagonal()
    assert (eiou_loss(other, boxes) >= 1 - iou - 1e-5).all()
    assert (generalized_box_iou_loss(other, boxes) >= 1 - iou - 1e-5).all()


def test_side_loss_settles_between_two_styles() -> None:
    """Its best box for two ways of drawing a face is the middle, whatever the share of either beyond a half."""
    high, low = torch.tensor([[0.0, 0, 100, 100]]), torch.tensor([[0.0, 20, 100, 120]])
    box = torch.tensor([[0.0, 20, 100, 120]], requires_grad=True)
    for _ in range(200):
        loss = 0.5 * side_loss(box, high).sum() + 0.5 * side_loss(box, low).sum()
        (gradient,) = torch.autograd.grad(loss, box)
        box = (box - 1000 * gradient).detach().requires_grad_()
    assert box.detach()[0].tolist() == pytest.approx([0, 10, 100, 110], abs=0.5)


def test_cells_learn_the_face_they_lie_in() -> None:
    corners, strides = grid_cells(128, 128)
    faces = torch.tensor([[16.0, 16, 48, 48], [80.0, 80, 112, 112]])
    centres = corners + strides / 2
    boxes = torch.cat([centres - 16, centres + 16], 1)
    cells, owners = assign(boxes, torch.zeros(len(corners)), faces, corners, strides)
    assert set(owners.tolist()) == {0, 1}
    assert len(cells) == len(set(cells.tolist()))
    for cell, owner in zip(cells, owners, strict=True):
        assert pairwise_iou(boxes[cell : cell + 1], faces[owner : owner + 1]) > 0.3


def test_every_face_gets_a_cell_and_no_face_none() -> None:
    corners, strides = grid_cells(64, 64)
    boxes = torch.zeros(len(corners), 4)
    tiny = torch.tensor([[30.0, 30, 36, 36]])
    assert len(assign(boxes, torch.zeros(len(corners)), tiny, corners, strides)[0]) >= 1
    assert len(assign(boxes, torch.zeros(len(corners)), torch.zeros(0, 4), corners, strides)[0]) == 0
