"""Frames on their way to many connections at once; the C part is compiled where the installing machine has a compiler."""
