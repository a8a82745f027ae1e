"""Compiled kernels: the functions of a tile, fused by torch's inductor, cached on disk."""
