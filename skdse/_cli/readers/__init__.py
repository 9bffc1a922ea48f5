"""Readers of the command line: a small module for each kind of file.

`kinds` has the table of all of them, `limits` what none of them may do.
"""
