"""Pairs, two kinds of images, two pictures."""
