"""Models in service: packed, deployed, asked for vectors, and deleted until nothing is left."""
