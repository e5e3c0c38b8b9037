"""The workbench for several people on one machine: each signs in and has an app and a folder of their own."""
