"""Supervised alignment loss against a slow, obvious implementation."""

from __future__ import annotations

import math

import torch

from spacy_awesome.training.objectives.cross_entropy import alignment_cross_entropy


def slow_loss(
    similarity: list[list[float]], links: set[tuple[int, int]], source: list[int], target: list[int]
) -> float:
    def direction(rows: list[list[float]], pairs: set[tuple[int, int]], own: list[int], other: list[int]) -> float:
        losses = []
        for word, row in zip(own, rows, strict=True):
            linked = [j for i, j in pairs if i == word]
            if not linked:
                continue
            total = sum(math.exp(value) for value in row)
            probability = {
                j: sum(math.exp(v) for v, w in zip(row, other, strict=True) if w == j) / total for j in linked
            }
            losses.append(-sum(math.log(p) for p in probability.values()) / len(linked))
        return sum(losses) / len(losses) if losses else 0.0

    columns = [list(column) for column in zip(*similarity, strict=True)]
    return (
        direction(similarity, links, source, target) + direction(columns, {(j, i) for i, j in links}, target, source)
    ) / 2


def link_matrix(links: set[tuple[int, int]], rows: int, columns: int) -> torch.Tensor:
    matrix = torch.zeros(rows, columns)
    for i, j in links:
        matrix[i, j] = 1
    return matrix


def test_equals_the_slow_loop_with_words_of_several_subwords_and_several_links() -> None:
    torch.manual_seed(1)
    similarity = torch.randn(1, 4, 5) * 3
    source, target = [0, 1, 1, 2], [0, 0, 1, 2, 3]
    links = {(0, 0), (1, 1), (1, 2), (2, 3)}
    loss = alignment_cross_entropy(
        similarity, link_matrix(links, 3, 4)[None], torch.tensor([source]), torch.tensor([target])
    )
    assert math.isclose(loss.item(), slow_loss(similarity[0].tolist(), links, source, target), rel_tol=1e-5)


def test_a_pair_has_the_same_loss_alone_and_padded_beside_a_longer_pair() -> None:
    torch.manual_seed(2)
    similarity = torch.randn(2, 6, 7)
    source = torch.tensor([[0, 1, 2, -1, -1, -1], [0, 1, 2, 3, 4, 5]])
    target = torch.tensor([[0, 0, 1, -1, -1, -1, -1], [0, 1, 2, 3, 4, 5, 6]])
    links = torch.zeros(2, 6, 7)
    links[0, 0, 0] = links[0, 2, 1] = 1
    links[1, range(6), range(6)] = 1
    together = alignment_cross_entropy(similarity, links, source, target)
    alone = alignment_cross_entropy(similarity[:1, :3, :3], links[:1, :3, :2], source[:1, :3], target[:1, :3])
    torch.testing.assert_close(together[:1], alone)


def test_the_gradient_of_padding_is_zero() -> None:
    similarity = torch.randn(1, 3, 3, requires_grad=True)
    words = torch.tensor([[0, 1, -1]])
    alignment_cross_entropy(similarity, torch.eye(2)[None], words, words).sum().backward()
    assert similarity.grad is not None
    assert similarity.grad[0, 2].eq(0).all()
    assert similarity.grad[0, :, 2].eq(0).all()
    assert similarity.grad[0, :2, :2].ne(0).any()


def test_a_pair_without_links_costs_nothing() -> None:
    words = torch.tensor([[0, 1]])
    assert alignment_cross_entropy(torch.randn(1, 2, 2), torch.zeros(1, 2, 2), words, words).item() == 0.0


def test_which_subword_of_a_linked_word_is_found_does_not_matter() -> None:
    source, target = torch.tensor([[0]]), torch.tensor([[0, 0, 1]])
    links = torch.tensor([[[1.0, 0.0]]])
    first = alignment_cross_entropy(torch.tensor([[[5.0, 0.0, 1.0]]]), links, source, target)
    second = alignment_cross_entropy(torch.tensor([[[0.0, 5.0, 1.0]]]), links, source, target)
    torch.testing.assert_close(first, second)
