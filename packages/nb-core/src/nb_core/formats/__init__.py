"""Readers and writers of the files that nanoBragg knows, one format a module."""
