"""Melodies of one voice: a kind of data for Sparring, in a package of its own."""
