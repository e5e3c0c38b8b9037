"""A run on disk, and the places where one can run."""
