"""Searching documents of one's own with keyword search and both models, side by side."""
