"""Perturbations that gain most: by one gradient step (FGSM), by many (PGD), and beside random ones of the same size."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.metrics.robustness.balls import Ball

Gain = Callable[[Tensor, Tensor], Tensor]
"""What is gained at perturbed points [n, ...], float [n], given the numbers of their rows, int64 [n]: a function of
each row alone, differentiable by the points."""

STEPS = 40
FIRST = 0.5
"""The first step's length, in radii of the ball."""
MOMENTUM = 0.75
RANDOM = 16
"""Random perturbations of each row."""


class Attacked(NamedTuple):
    """What perturbations of n points came to."""

    worst: Tensor
    """The most that was gained, float64 [n]."""
    delta: Tensor
    """By which perturbation, [n, ...]."""
    random: Tensor
    """The mean absolute gain of the random perturbations, float64 [n]."""


def slope(gain: Gain, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The gain [n] at points [n, ...] and its gradient by them, [n, ...]; no weight gets one."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        found = gain(points, rows)
        if not found.requires_grad:  # nothing of the gain depends on the points
            return found.detach(), torch.zeros_like(points)
        (gradient,) = torch.autograd.grad(found.sum(), points, allow_unused=True)
    return found.detach(), torch.zeros_like(points) if gradient is None else gradient.detach()


def fgsm(gain: Gain, points: Tensor, rows: Tensor, ball: Ball) -> Tensor:
    """The perturbation [n, ...] of one step from the points, as long as the ball allows (fast gradient sign method, in
    an l-infinity ball; Goodfellow et al. 2015, https://arxiv.org/abs/1412.6572)."""
    _, gradient = slope(gain, points, rows)
    return ball.project(points, ball.radius * ball.steepest(gradient))


def pgd(
    gain: Gain, points: Tensor, rows: Tensor, ball: Ball, start: Tensor, steps: int = STEPS
) -> tuple[Tensor, Tensor]:
    """Projected gradient ascent (Madry et al. 2018, https://arxiv.org/abs/1706.06083): the most gained, [n], and the
    perturbation [n, ...] that gained it, of all that were visited, the start included.

    Steps are of normalised gradients, from half the ball's radius long down to nothing, each with `MOMENTUM` of the
    last move (as Dong et al. 2018, https://arxiv.org/abs/1710.06081): without it, the worst of many directions that are
    almost as bad takes hundreds of steps to find.
    """
    delta = last = ball.project(points, start)
    best, chosen = torch.full((len(points),), -torch.inf, device=points.device), delta
    for step in range(steps):
        found, gradient = slope(gain, points + delta, rows)
        best, chosen = _better(best, chosen, found, delta)
        length = ball.radius * FIRST * (1 - step / steps)
        climbed = ball.project(points, delta + length * ball.steepest(gradient))
        last, delta = delta, ball.project(points, climbed + MOMENTUM * (delta - last))
    with torch.no_grad():
        return _better(best, chosen, gain(points + delta, rows), delta)


def against_random(
    gain: Gain,
    points: Tensor,
    ball: Ball,
    key: Key,
    *,
    steps: int = STEPS,
    random: int = RANDOM,
    at_once: int = 256,
    single: bool = False,
) -> Attacked:
    """The worst that a ball holds at each of n points, beside what random perturbations of the same size do.

    The ascent starts from the best of the random ones and of the single gradient step, so that it ends no lower than
    any of them; with `single`, it is that single step and nothing else. Equal keys give equal results, whatever
    `at_once` is.
    """
    parts = []
    for rows in torch.split(torch.arange(len(points), device=points.device), at_once):
        here = points[rows]
        delta = fgsm(gain, here, rows, ball)
        with torch.no_grad():
            best, mean = gain(here + delta, rows), torch.zeros(len(rows), dtype=torch.float64, device=points.device)
            chosen = delta
            for number in range(random):
                drawn = ball.drawn(here, key.at(number), rows)
                found = gain(here + drawn, rows)
                mean += found.double().abs() / random
                if not single:
                    best, chosen = _better(best, chosen, found, drawn)
        if not single:
            best, chosen = pgd(gain, here, rows, ball, chosen, steps)
        parts.append(Attacked(best.double().cpu(), chosen, mean.cpu()))
    return Attacked(*(torch.cat(each) for each in zip(*parts, strict=True)))


def _better(best: Tensor, chosen: Tensor, found: Tensor, delta: Tensor) -> tuple[Tensor, Tensor]:
    """The higher gain of each row, with its perturbation; what is not a number is never higher."""
    higher = found > best
    return torch.where(higher, found, best), torch.where(higher.reshape(-1, *[1] * (delta.ndim - 1)), delta, chosen)
