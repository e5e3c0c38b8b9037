"""What is wrong with an installation, and what to do about it; and a bundle of that for whoever helps.

Each module looks at one thing and gives ``Finding`` objects. Nothing is changed or repaired by looking.
"""
