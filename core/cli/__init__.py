"""The command line: one file a command, each with ``run(options) -> exit status``.

Nothing heavy is imported for --help.
"""
