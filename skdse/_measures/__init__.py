"""The estimators: entropies, mutual information, their tests and intervals."""
