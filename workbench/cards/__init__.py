"""The pieces of each tab as HTML: pure functions from data to text, with every text of a person escaped."""
