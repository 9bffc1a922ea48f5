"""Samples in blocks on the workers of a cluster, and what is done with pairs of them.

The rows of X are cut into K blocks, by their number alone. A pair of blocks is one task
for whatever is asked of all pairs of samples: it counts distances, or multiplies tiles
of the affinity for both of its sides. What pairs give is added up in the order of the
blocks, so that bits depend on neither workers nor time.
"""
