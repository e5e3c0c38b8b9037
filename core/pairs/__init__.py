"""Pairs: read a file, give its columns their roles, find what would spoil training, split without leaks."""
