"""Scores of fakes that have a truth each: of translation by pairs, and of inpainting."""

from __future__ import annotations

from sparring.metrics.paired.agreement import AGREEMENT, PIXEL_ACCURACY
from sparring.metrics.paired.perceptual import LPIPS
from sparring.metrics.paired.scores import MAE, MS_SSIM_PAIRS, PAIRS, PSNR, SSIM
from sparring.metrics.paired.similarity import mae, psnr, ssim, ssim_map

__all__ = [
    "AGREEMENT",
    "LPIPS",
    "MAE",
    "MS_SSIM_PAIRS",
    "PAIRS",
    "PIXEL_ACCURACY",
    "PSNR",
    "SSIM",
    "mae",
    "psnr",
    "ssim",
    "ssim_map",
]
