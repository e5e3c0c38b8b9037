"""One file a tab: ``build`` lays out and wires, the handlers are plain functions."""
