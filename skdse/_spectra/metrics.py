"""Names of metrics, several for some, by what is done with their distances."""

EUCLIDEAN = ("euclidean", "l2")
SQUARED = "sqeuclidean"
MANHATTAN = ("cityblock", "l1", "manhattan")
COSINE = ("cosine", "correlation")
