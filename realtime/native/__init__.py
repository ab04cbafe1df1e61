"""Compiled where the installing machine has a C compiler; nothing depends on it but speed."""
