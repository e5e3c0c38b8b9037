"""Stands in for pip inside the double's containers, whose packages are this machine's and are not to be changed."""
