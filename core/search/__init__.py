"""A small search for better settings: several runs on the same split that differ in a few settings, in one table."""
