"""The solver "lanczos": a spectral density to a stated tolerance.

`course` is the algorithm from start to end, `plan` the numbers that it goes by.
"""
