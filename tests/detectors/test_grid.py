import numpy as np
import pytest
import torch

from maskcam.detectors.grid import CANDIDATES, grid_cells, read_faces
from maskcam.networks import yunet


@pytest.fixture
def outputs() -> tuple[np.ndarray, ...]:
    """What a network might say of an input of 96x160."""
    rng = np.random.default_rng(0)
    cells = 12 * 20 + 6 * 10 + 3 * 5
    shapes = ((cells,), (cells,), (cells, 4), (cells, 10))
    return tuple(rng.normal(0, 1, shape).astype(np.float32) for shape in shapes)


def test_cells_are_those_of_the_network() -> None:
    for ours, theirs in zip(grid_cells(96, 160), yunet.grid_cells(96, 160), strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())


def test_every_cell_is_read_as_the_network_means_it(outputs: tuple[np.ndarray, ...]) -> None:
    face, objectness, boxes, points = (torch.from_numpy(output) for output in outputs)
    corners, strides = yunet.grid_cells(96, 160)
    scores = yunet.decode_scores(face, objectness).numpy()
    expected = (
        yunet.decode_boxes(boxes, corners, strides).numpy(),
        yunet.decode_landmarks(points, corners, strides).numpy(),
    )
    for cell in (0, 17, 250, 314):  # of all three grids
        alone = tuple(output.copy() for output in outputs)
        others = np.arange(len(scores)) != cell
        alone[0][others] = -50
        (box,), (score,), (landmarks,) = read_faces(alone, (96, 160), minimum_score=0.01)
        assert score == pytest.approx(scores[cell], rel=1e-5)
        np.testing.assert_allclose(box, expected[0][cell], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(landmarks, expected[1][cell], rtol=1e-4, atol=1e-3)


def test_only_the_best_cells_are_looked_at(outputs: tuple[np.ndarray, ...]) -> None:
    many = tuple(np.concatenate([output] * 17)[:5040] for output in outputs)  # cells of 384x640
    assert len(many[0]) > CANDIDATES
    _, scores, _ = read_faces(many, (384, 640), minimum_score=0.0)
    assert 0 < len(scores) <= CANDIDATES
    best = 1 / np.sqrt((1 + np.exp(-many[0])) * (1 + np.exp(-many[1])))
    assert scores[0] == pytest.approx(best.max())


def test_a_sure_no_is_no_overflow(outputs: tuple[np.ndarray, ...]) -> None:
    face, *rest = outputs
    boxes, _, _ = read_faces((np.full_like(face, -500), *rest), (96, 160), minimum_score=0.1)
    assert boxes.shape == (0, 4)
